"""Options that several commands share, and how their text is read."""

from __future__ import annotations

from pam_edge.errors import UsageError
from pam_edge.targets import Target
from pam_edge.terms import parse_choice

_ALL = "all"


def parse_targets(text: str) -> tuple[Target, ...]:
    """Read ``--target``: one target, or ``all``."""
    if text.lower() == _ALL:
        return tuple(Target)
    return (parse_choice("--target", text, Target, _ALL),)


def parse_size(text: str) -> tuple[int, int]:
    """Read ``--size``: ``512`` or ``384x512``, height first.

    Raises:
        UsageError: if it is neither.
    """
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdigit() for part in parts):
        raise UsageError(f"--size: expected pixels such as 512, or height x width such as 384x512; got {text!r}.")
    return int(parts[0]), int(parts[-1])
