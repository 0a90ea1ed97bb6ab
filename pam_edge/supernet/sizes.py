"""Sizes of image that a supernet takes."""

from __future__ import annotations

from pam_edge.errors import UsageError

MULTIPLE = 32
"""Of height and width: the deepest level's stride."""
LARGEST = 8192
"""Beyond it a float32 feature map of a single level takes gigabytes, and no phone has such a network's time."""


def check_size(height: int, width: int) -> None:
    """Refuse a height or width that no graph can be made for.

    Raises:
        UsageError: naming the nearest that can be.
    """
    for name, value in (("height", height), ("width", width)):
        if value <= 0 or value % MULTIPLE or value > LARGEST:
            nearest = min(max(MULTIPLE, round(value / MULTIPLE) * MULTIPLE), LARGEST)
            raise UsageError(
                f"size: expected multiples of {MULTIPLE} up to {LARGEST}; the {name} is {value}. The nearest is "
                f"{nearest}."
            )
