"""The rounds that a measurement has so far, one line each, so that an interrupted one goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Round:
    """One call along every path.

    Attributes:
        timings: graph (``probe`` or ``static``), path and milliseconds, in the order in which they were taken.
        error_pct: standard error of a path's fitted cost after this round, in percent of the middle path's; None while
            there are too few rounds to tell.
        session: number of the process that took it.
    """

    timings: list[tuple[str, str, float]]
    error_pct: float | None
    session: int = 0


def append_round(draft: Path, done: Round) -> None:
    """Add a round, on disk before this returns, on a line of its own even behind one that was cut short."""
    line = json.dumps(asdict(done)) + "\n"
    with draft.open("a+b") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        torn = file.read(1) not in (b"", b"\n")
        file.write(("\n" + line if torn else line).encode())
        file.flush()
        os.fsync(file.fileno())


def read_rounds(draft: Path) -> list[Round]:
    """Return the rounds in a draft; a line that an interruption cut short is none."""
    if not draft.is_file():
        return []
    return list(_parse(draft.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]))


def _parse(lines: Iterable[str]) -> Iterable[Round]:
    for line in lines:
        with suppress(ValueError, TypeError):
            yield Round(**json.loads(line))
