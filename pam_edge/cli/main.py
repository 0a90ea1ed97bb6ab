"""The command line: ``pam-edge COMMAND``. Commands parse, call one function and print.

Nothing heavy is imported here: each command imports what it needs when it runs.
"""

from __future__ import annotations

import sys

import typer

from pam_edge import __version__, errors
from pam_edge.cli import convert, demo, doctor, inspect, learning, matte, measuring, planning, verify
from pam_edge.cli.output import notices, print_json

app = typer.Typer(
    help="Image-adaptive matting networks on phones: within a budget, checked against PyTorch.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

for command in (
    convert.convert,
    verify.verify,
    matte.matte,
    planning.plan,
    measuring.bench,
    inspect.inspect,
    doctor.doctor,
    demo.demo,
    learning.train,
    learning.prior,
    learning.evaluate,
):
    app.command()(command)
planning.profile_app.command()(measuring.measure)
planning.profile_app.command()(measuring.kit)
app.add_typer(planning.profile_app, name="profile")
app.add_typer(learning.data_app, name="data")

_CHECK_FAILED = (errors.ParityError, errors.ConversionError)


@app.callback(invoke_without_command=True)
def _main(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        typer.echo(f"pam-edge {__version__}")
        raise typer.Exit


def run() -> None:
    """Run the command line; exit with 0 when done, 1 when a check failed, 2 for wrong use.

    ``--debug`` anywhere shows tracebacks.
    """
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    try:
        app([argument for argument in arguments if argument != "--debug"], prog_name="pam-edge")
    except errors.PamEdgeError as error:
        if debug:
            raise
        if "--json" in arguments:
            print_json({"error": str(error), "kind": type(error).__name__})
        notices.print(f"[bold red]Error:[/] {_escape(str(error))}", soft_wrap=True, highlight=False)
        sys.exit(1 if isinstance(error, _CHECK_FAILED) else 2)
    except KeyboardInterrupt:
        notices.print("Interrupted; nothing was written.")
        sys.exit(130)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
