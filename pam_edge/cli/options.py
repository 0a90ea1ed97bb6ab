"""Options that several commands share, and how their text is read."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from pam_edge.errors import UsageError
from pam_edge.targets import Target

_E = TypeVar("_E", bound=StrEnum)


def parse_choice(option: str, text: str, choices: type[_E]) -> _E:
    """Read one of an enum's values.

    Raises:
        UsageError: listing the choices.
    """
    try:
        return choices(text.lower())
    except ValueError:
        raise UsageError(f"{option}: expected one of {', '.join(choices)}; got {text!r}.") from None


def parse_targets(text: str) -> tuple[Target, ...]:
    """Read ``--target``: one target, or ``all``."""
    if text.lower() == "all":
        return tuple(Target)
    try:
        return (Target(text.lower()),)
    except ValueError:
        raise UsageError(f"--target: expected one of {', '.join(Target)} or all; got {text!r}.") from None


def parse_size(text: str) -> tuple[int, int]:
    """Read ``--size``: ``512`` or ``384x512``, height first.

    Raises:
        UsageError: if it is neither.
    """
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdigit() for part in parts):
        raise UsageError(f"--size: expected pixels such as 512, or height x width such as 384x512; got {text!r}.")
    return int(parts[0]), int(parts[-1])
