"""What commands print: people read rich output, scripts one JSON object."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import Progress

console = Console()
"""Results, on stdout."""

notices = Console(stderr=True)
"""Progress, warnings and errors, on stderr: stdout stays clean for scripts."""


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on stdout."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")


@contextmanager
def tile_progress(label: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr while tiles are worked on; none when quiet or where no one watches a terminal."""
    with Progress(console=notices, transient=True, disable=quiet or not notices.is_terminal) as bar:
        task = bar.add_task(label, total=None)

        def update(done: int, needed: int) -> None:
            bar.update(task, completed=done, total=needed)

        yield update
