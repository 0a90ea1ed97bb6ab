"""What the executor knows about an operator besides how to compute it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from pam_edge.runtimes.coreml.types import DType

Result = Tensor | Sequence[Tensor]
Kernel = Callable[..., Result]
"""Computes an operator: arguments by the program's parameter names, floats as float32, parameters as Python values."""

Rule = str | DType | None
"""Element type of an output: that of the named input, a fixed one, or None where the kernel's parameters decide."""

COMPUTED = "x or y"
"""Rule for the type of whichever of ``x`` and ``y`` is no constant, ``x`` if neither or both are."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One row of the table of operators.

    Attributes:
        kernel: computes it.
        results: element types of the outputs; the last rule holds for all further outputs.
        exact: outputs hold nothing but values of the inputs, so that no rounding is needed after it.
    """

    kernel: Kernel
    results: tuple[Rule, ...] = ("x",)
    exact: bool = False


def moves(kernel: Kernel, *results: Rule) -> Operator:
    """Make the row of an operator that moves or selects values without arithmetic."""
    return Operator(kernel, results or ("x",), exact=True)


def numbers(value: Tensor | Sequence[int]) -> list[int]:
    """Return integers given as a parameter or computed by the program."""
    if isinstance(value, Tensor):
        return [int(item) for item in value.reshape(-1).tolist()]
    return [int(item) for item in value]
