"""How near numbers come to the end of half precision, for people and scripts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pam_edge.cli.output import say

if TYPE_CHECKING:
    from pam_edge.evaluation.half_range import HalfRange


def print_half_ranges(ranges: Sequence[HalfRange], computed_by: str) -> None:
    """Print what may overflow, or how far the nearest is from it.

    Args:
        ranges: those with the least room first; empty if nothing computes in half precision.
        computed_by: what does.
    """
    if not ranges:
        return
    near = [each for each in ranges if each.is_near]
    for each in near:
        say((f"{each.part}: ", "red"), f"{_describe(each)}; may overflow in half precision ({computed_by})")
    if not near:
        say(
            f"half precision ({computed_by}): nearest to its end is {_describe(ranges[0])}, in {ranges[0].part}",
            style="dim",
        )


def half_ranges_json(ranges: Sequence[HalfRange], computed_by: str) -> dict[str, Any] | None:
    """Return what scripts get: None if nothing computes in half precision. JSON has no infinity: null stands for it."""
    if not ranges:
        return None
    operations = [
        {name: None if value == math.inf else value for name, value in asdict(each).items()}
        | {"room": each.room, "near": each.is_near}
        for each in ranges
    ]
    return {"computed_by": computed_by, "least_room": ranges[0].room, "operations": operations}


def _describe(each: HalfRange) -> str:
    sums = f" of magnitudes that sum to {each.largest_sum:,.0f}" if each.largest_sum > each.largest else ""
    return f"{each.operation} with {each.largest:,.1f}{sums} ({each.picture}), {each.room:.1f} times below 65,504"
