"""The command line: ``pam-edge COMMAND``. Commands parse, call one function and print.

Nothing heavy is imported here: each command imports what it needs when it runs.
"""

from __future__ import annotations

import sys

import typer

from pam_edge import __version__
from pam_edge.cli import convert, demo, doctor, inspect, learning, matte, measuring, package, planning, serve, verify
from pam_edge.cli.failures import EXIT_CODES, ExitCode, print_failure, report_failure
from pam_edge.cli.interruption import interruptible
from pam_edge.cli.logs import shown_log
from pam_edge.cli.options import check_no_value_is_empty
from pam_edge.cli.output import spell_what_the_encoding_lacks
from pam_edge.cli.streams import take_streams
from pam_edge.errors import UsageError

app = typer.Typer(
    help="Image-adaptive matting networks on phones: within a budget, checked against PyTorch.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=EXIT_CODES,
)

for command in (
    convert.convert,
    verify.verify,
    matte.matte,
    planning.plan,
    measuring.bench,
    package.package,
    serve.serve,
    inspect.inspect,
    doctor.doctor,
    demo.demo,
    learning.train,
    learning.prior,
    learning.evaluate,
):
    app.command(epilog=EXIT_CODES)(command)
for profile_command in (measuring.measure, measuring.kit):
    planning.profile_app.command(epilog=EXIT_CODES)(profile_command)
app.add_typer(planning.profile_app, name="profile")
app.add_typer(learning.data_app, name="data")


@app.callback(invoke_without_command=True)
def _main(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        typer.echo(f"pam-edge {__version__}")
        raise typer.Exit


def run() -> None:
    """Run the command line; exit as ``ExitCode`` says.

    ``--debug`` anywhere shows tracebacks and what the library logs.
    """
    arguments = sys.argv[1:]
    debug, json = "--debug" in arguments, "--json" in arguments
    try:
        take_streams()
        spell_what_the_encoding_lacks()
        with interruptible(json=json), shown_log(debug=debug):
            check_no_value_is_empty(arguments)
            try:
                app([argument for argument in arguments if argument != "--debug"], prog_name="pam-edge")
            finally:
                sys.stdout.flush()  # while what cannot be printed is still an error of the command's
    except SystemExit as left:
        refused = getattr(left.__context__, "format_message", None)  # by the parser, which has told a person already
        if json and left.code == ExitCode.WRONG_USE and refused:
            print_failure(refused(), UsageError)
        raise
    except Exception as error:  # the top: what nobody foresaw must not look like a check that failed
        sys.exit(report_failure(error, debug=debug, json=json))
