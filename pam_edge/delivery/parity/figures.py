"""The numbers of a parity record: the largest errors over all pictures, and the picture to look into."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pam_edge.evaluation.parity import Deviation


@dataclass(frozen=True, slots=True)
class Judged:
    """One picture's deviation, and whether everything about that picture passed.

    A picture that is run within several budgets is judged once for each.
    """

    picture: str
    budget: float | None
    deviation: Deviation
    passed: bool

    @property
    def is_number(self) -> bool:
        """Whether the output is made of numbers: NaN and infinity are none, and have no error."""
        found = self.deviation
        return all(map(math.isfinite, (found.max_abs, found.rms, found.sad_change)))

    @property
    def badness(self) -> tuple[bool, bool, float]:
        """What failed comes last, of that what is no number, and of that what is farthest off."""
        return not self.passed, not self.is_number, self.deviation.max_abs if self.is_number else math.inf


def worst(judged: Sequence[Judged]) -> Judged:
    """Return the one that failed by most, or was farthest off; there is at least one."""
    return max(judged, key=lambda each: each.badness)


def figures(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return the fields of a record that deviations give, with a ``reason`` where an error is no number."""
    if not judged:
        return {}
    largest = [max(getattr(each.deviation, name) for each in judged) for name in ("max_abs", "rms", "sad_change")]
    broken = list(dict.fromkeys(each.picture for each in judged if not each.is_number))
    fields: dict[str, Any] = {"worst_picture": worst(judged).picture}
    if broken:
        return fields | {"reason": f"alpha holds NaN or infinity on {len(broken)} pictures, such as {broken[0]}"}
    return fields | dict(zip(("max_abs_error", "rms_error_unknown", "sad_change"), largest, strict=True))


def join_reasons(*reasons: str | None) -> str | None:
    """Return all that is to be said about a record in one text, or None if it is nothing."""
    return "; ".join(reason for reason in reasons if reason) or None
