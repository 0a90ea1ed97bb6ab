"""Save a program as an asset whose bytes are the same each time: with names that say nothing of when it was made."""

from __future__ import annotations

import json
import re
from pathlib import Path

from coreai._compiler.ir import Module
from coreai.authoring.asset import AIProgram
from coreai.authoring.context import Context

from pam_edge.errors import ConversionError

_NAME = re.compile(r"\b(?:(?:resource|weights)_\d+|(?P<kind>\w+_composite)_(?:[a-z]{8}|\d{6}))\b")
"""Names that differ from process to process, of weights and of operators gathered into one; or those put there."""

_VALUES = re.compile(r'(?:^ +weights_\d+: "0x[0-9A-F]+",?\n?)+', re.MULTILINE)
"""Of all weights, one a line, at the end of a program's text."""


def save(program: AIProgram, asset: Path) -> None:
    """Write an asset, byte for byte the same for the same program.

    Raises:
        ConversionError: if the program cannot be written under other names.
    """
    renamed(program).save_asset(asset)
    metadata = asset / "metadata.json"
    known = json.loads(metadata.read_text())
    del known["creationDate"]
    metadata.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")


def renamed(program: AIProgram) -> AIProgram:
    """Return the program with names by order of appearance.

    Its text is that of ``program``, but for names that each stand for one other: so it computes the same.

    Raises:
        ConversionError: if that cannot be shown.
    """
    text = canonical_text(str(program))
    module = Module.parse(text, Context()._mlir_context)
    again = AIProgram._from_mlir_module(module)
    if canonical_text(str(again)) != text:
        raise ConversionError("Core AI: the program under canonical names is not the one that was converted.")
    return again


def canonical_text(text: str) -> str:
    """Return a program's text under names by order of appearance, its weights' values in that order."""
    names: dict[str, str] = {}

    def rename(match: re.Match[str]) -> str:
        return names.setdefault(match.group(), f"{match.group('kind') or 'weights'}_{len(names):06}")

    return _VALUES.sub(lambda values: ",\n".join(sorted(_each(values))) + "\n", _NAME.sub(rename, text))


def _each(values: re.Match[str]) -> list[str]:
    return [line.rstrip(",") for line in values.group().splitlines()]
