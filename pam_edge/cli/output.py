"""What commands print: people read rich output, scripts one JSON object.

Text is printed as it is. Names and paths are users' own and may hold square brackets or colons, so that no console here
reads markup or emoji codes in it; what is to have a style is said apart, as ``(text, style)``.
"""

from __future__ import annotations

import codecs
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.status import Status
from rich.table import Table
from rich.text import Text

from pam_edge.cli.fitting import fit

if TYPE_CHECKING:
    from rich.progress import Progress

console = Console(markup=False, emoji=False)
"""Results, on stdout."""

notices = Console(stderr=True, markup=False, emoji=False)
"""Progress, warnings and errors, on stderr: stdout stays clean for scripts."""

Part = str | tuple[str, str] | Text
"""Text, or text with its style."""

_SPELLED = "pam_edge.spelled"
_SPELLING = {"Δ": "d", "α": "a", "±": "+-", "·": "-", "…": "...", "×": "x", "│": "|", "└": "+", "─": "-", "▏": " "}
_SPELLING |= dict.fromkeys("▎▍▌▋▊▉█", "#")


def say(*parts: Part, style: str = "", end: str = "\n") -> None:
    """Print a line of results, as wide as it is: a path is not broken in two."""
    console.print(Text.assemble(*parts, style=style), soft_wrap=True, end=end)


def show(*shown: RenderableType) -> None:
    """Print tables and charts as wide as stdout is; a table wider than that where names in it would be broken."""
    for each in shown:
        for part in each.renderables if isinstance(each, Group) else [each]:
            if isinstance(part, Table):
                fit(part, console)
            console.print(part, crop=False)


def note(*parts: Part, style: str = "") -> None:
    """Print a line beside the results, on stderr."""
    notices.print(Text.assemble(*parts, style=style), soft_wrap=True)


def busy(doing: str) -> Status:
    """Return a context that shows, on a terminal, what is being done."""
    return notices.status(Text(doing))


def progress(*, quiet: bool) -> Progress:
    """Return a display of tasks, each with a description and the time since its start, on stderr."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    return Progress(*columns, console=notices, disable=quiet, transient=True)


def parity_word(passed: bool | None) -> Text:
    """Return the outcome of a check in its colour; None is one that was not run."""
    words = {True: ("passed", "green"), False: ("failed", "red"), None: ("not run", "yellow")}
    return Text(*words[passed])


@contextmanager
def tile_progress(label: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr while tiles are worked on; none when quiet or where no one watches a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    shown = not quiet and notices.is_terminal
    with Progress(*columns, console=notices, transient=True, disable=not shown) as bar:
        task = bar.add_task(label, total=None)

        def update(done: int, needed: int) -> None:
            bar.update(task, completed=done, total=needed)

        yield update


def print_json(value: dict[str, Any], *, goes_on: bool = False) -> None:
    """Print one JSON object on stdout, whole or not at all, in ASCII, which every stdout takes.

    Args:
        value: to print.
        goes_on: whether the command goes on afterwards. The object is then one line and sent at once: who reads a pipe
            knows by the line's end that it is whole.
    """
    text = json.dumps(value, indent=None if goes_on else 2, allow_nan=False)
    sys.stdout.write(text + "\n")
    if goes_on:
        sys.stdout.flush()


def spell_what_the_encoding_lacks() -> None:
    """Let stdout and stderr print any text: in ASCII ``Δα`` becomes ``da``, what has no such spelling its code."""
    codecs.register_error(_SPELLED, _spell)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_SPELLED)


def _spell(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    spelled = (_SPELLING.get(each) or each.encode("ascii", "backslashreplace").decode() for each in lacking)
    return "".join(spelled), error.end
