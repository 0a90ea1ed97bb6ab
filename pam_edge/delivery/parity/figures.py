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

    A picture that is run within several budgets is judged once for each. ``foreground`` is the deviation of
    alpha * foreground, where that is given.
    """

    picture: str
    budget: float | None
    deviation: Deviation
    passed: bool
    foreground: Deviation | None = None

    @property
    def is_number(self) -> bool:
        """Whether the output is made of numbers: NaN and infinity are none, and have no error."""
        parts = (self.deviation, *([self.foreground] if self.foreground else []))
        return all(math.isfinite(value) for each in parts for value in (each.max_abs, each.rms, each.sad_change))

    @property
    def badness(self) -> tuple[bool, bool, float]:
        """What failed comes last, of that what is no number, and of that what is farthest off."""
        largest = max(self.deviation.max_abs, self.foreground.max_abs if self.foreground else 0.0)
        return not self.passed, not self.is_number, largest if self.is_number else math.inf


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
        return fields | {"reason": f"the output holds NaN or infinity on {len(broken)} pictures, such as {broken[0]}"}
    colours = [each.foreground for each in judged if each.foreground]
    if colours:
        fields["foreground_max_abs_error"] = max(each.max_abs for each in colours)
        fields["foreground_rms_error_unknown"] = max(each.rms for each in colours)
    return fields | dict(zip(("max_abs_error", "rms_error_unknown", "sad_change"), largest, strict=True))


def join_reasons(*reasons: str | None) -> str | None:
    """Return all that is to be said about a record in one text, or None if it is nothing."""
    return "; ".join(reason for reason in reasons if reason) or None
