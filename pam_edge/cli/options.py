"""Options that several commands share, and how their text is read."""

from __future__ import annotations

from collections.abc import Sequence

from pam_edge.errors import UsageError
from pam_edge.targets import Target
from pam_edge.terms import parse_choice

_ALL = "all"


def parse_targets(text: str) -> tuple[Target, ...]:
    """Read ``--target``: one target, or ``all``."""
    if text.lower() == _ALL:
        return tuple(Target)
    return (parse_choice("--target", text, Target, _ALL),)


def check_no_value_is_empty(arguments: Sequence[str]) -> None:
    """Refuse empty words, which a shell makes of variables that are not set: none means something to any command.

    Raises:
        UsageError: if there is one.
    """
    for before, word in zip(("", *arguments), arguments, strict=False):
        if not word or (word.startswith("--") and word.endswith("=")):
            where = word.rstrip("=") or (before if before.startswith("-") else "an argument")
            raise UsageError(f"{where}: expected a value; got an empty one. Is a variable of the shell not set?")
