"""Options that several commands share, and how their text is read."""

from __future__ import annotations

from pam_edge.targets import Target
from pam_edge.terms import parse_choice

_ALL = "all"


def parse_targets(text: str) -> tuple[Target, ...]:
    """Read ``--target``: one target, or ``all``."""
    if text.lower() == _ALL:
        return tuple(Target)
    return (parse_choice("--target", text, Target, _ALL),)
