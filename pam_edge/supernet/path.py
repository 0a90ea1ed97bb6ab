"""A path through the supernet: which choice blocks run."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from pam_edge.errors import UsageError
from pam_edge.supernet.config import MOST_BLOCKS

PathText = Annotated[str, Field(pattern="^[01]+$", max_length=MOST_BLOCKS)]
"""A path's text form as a validated field."""


@dataclass(frozen=True, slots=True, order=True)
class PathSpec:
    """One bit per choice block in execution order: True runs the block, False takes its bypass."""

    runs: tuple[bool, ...]

    @classmethod
    def parse(cls, text: str) -> PathSpec:
        """Read a path from its text form, such as ``"110101"``.

        Raises:
            UsageError: if the text is empty or holds anything but 0 and 1.
        """
        if not text or set(text) - {"0", "1"}:
            raise UsageError(f"A path is a string of 0 and 1, one per block; got {text!r}.")
        return cls(tuple(bit == "1" for bit in text))

    @classmethod
    def full(cls, block_count: int) -> PathSpec:
        """Return the path that runs every block."""
        return cls((True,) * block_count)

    @classmethod
    def shortest(cls, block_count: int) -> PathSpec:
        """Return the path that bypasses every block."""
        return cls((False,) * block_count)

    @classmethod
    def all(cls, block_count: int) -> Iterator[PathSpec]:
        """Yield all 2^L paths, in lexicographic order."""
        return (cls(bits) for bits in itertools.product((False, True), repeat=block_count))

    def __len__(self) -> int:
        return len(self.runs)

    def __str__(self) -> str:
        return "".join("1" if run else "0" for run in self.runs)


def path_shares(runs: Sequence[Sequence[bool]]) -> dict[str, float]:
    """Return the different paths among runs[N][L], in text form, each with its share of the N."""
    counts = Counter(str(PathSpec(tuple(map(bool, each)))) for each in runs)
    return {path: count / len(runs) for path, count in sorted(counts.items())}
