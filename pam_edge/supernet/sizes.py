"""Sizes of image that a supernet takes."""

from __future__ import annotations

import re

from pam_edge.errors import UsageError

MULTIPLE = 32
"""Of height and width: the deepest level's stride."""
LARGEST = 8192
"""Beyond it a float32 feature map of a single level takes gigabytes, and no phone has such a network's time."""


def parse_size(size: str | int | tuple[int, int]) -> tuple[int, int]:
    """Read height and width: from text, ``512`` or ``384x512``, or from numbers, one for both or one for each.

    Raises:
        UsageError: if it is neither.
    """
    match size:
        case str() if re.fullmatch("[0-9]+(x[0-9]+)?", size, re.IGNORECASE):
            sides = size.lower().split("x")
            return _pixels(sides[0]), _pixels(sides[-1])
        case int():
            return size, size
        case (int(height), int(width)):
            return height, width
    raise UsageError(f"size: expected pixels such as 512, or height x width such as 384x512; got {size!r}.")


def _pixels(digits: str) -> int:
    """Read a number; of one that is longer than any side, its first digits, too many as well: int() reads 4,300."""
    return int(digits.lstrip("0")[:20] or "0")


def check_size(height: int, width: int) -> None:
    """Refuse a height or width that no graph can be made for.

    Raises:
        UsageError: naming the nearest that can be.
    """
    for name, value in (("height", height), ("width", width)):
        if value <= 0 or value % MULTIPLE or value > LARGEST:
            nearest = min(max(MULTIPLE, (value + MULTIPLE // 2) // MULTIPLE * MULTIPLE), LARGEST)
            found = value if abs(value) < 10**9 else "beyond a billion"
            raise UsageError(
                f"size: expected multiples of {MULTIPLE} up to {LARGEST}; the {name} is {found}. The nearest is "
                f"{nearest}."
            )
