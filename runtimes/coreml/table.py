"""The one table from operator name to how it is computed."""

from __future__ import annotations

from dataclasses import dataclass

from pam_edge.runtimes.coreml import (
    activation,
    compression,
    convolution,
    elementwise,
    indexing,
    linear,
    normalisation,
    pooling,
    reduction,
    resize,
    shape,
)
from pam_edge.runtimes.coreml.operator import Operator
from pam_edge.runtimes.coreml.schema import SPECIFICATION_OF_OPSET, first_version

MODULES = (
    elementwise,
    activation,
    convolution,
    pooling,
    resize,
    normalisation,
    linear,
    reduction,
    shape,
    indexing,
    compression,
)

OPERATORS: dict[str, Operator] = {kind: row for module in MODULES for kind, row in module.OPERATORS.items()}

CONTROL = frozenset({"const", "cond", "while_loop"})
"""Operators that the compiler and the executor handle themselves."""


@dataclass(frozen=True, slots=True)
class OpSupport:
    """One row of the coverage table.

    Attributes:
        name: operator.
        opset: first operator set that has it, such as ``CoreML6``.
        module: module of this package that computes it.
    """

    name: str
    opset: str
    module: str


def supported_ops() -> list[OpSupport]:
    """Return every operator that the reference runtime executes, by name."""
    names = {version: opset for opset, version in SPECIFICATION_OF_OPSET.items()}
    homes = {kind: module.__name__ for module in MODULES for kind in module.OPERATORS}
    homes |= dict.fromkeys(CONTROL, "pam_edge.runtimes.coreml.executor")
    versions = {kind: first_version(kind) for kind in homes}
    return [OpSupport(kind, names[version], homes[kind]) for kind, version in sorted(versions.items()) if version]
