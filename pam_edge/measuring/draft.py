"""The rounds that a measurement has so far, one line each, so that an interrupted one goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
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
    """Add a round, on disk before this returns."""
    line = json.dumps(asdict(done))
    with draft.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_rounds(draft: Path) -> list[Round]:
    """Return the rounds in a draft; a line that an interruption cut short is none."""
    if not draft.is_file():
        return []
    return list(_parse(draft.read_text(encoding="utf-8").split("\n")[:-1]))


def _parse(lines: Iterable[str]) -> Iterable[Round]:
    for line in lines:
        try:
            yield Round(**json.loads(line))
        except (ValueError, TypeError):
            return
