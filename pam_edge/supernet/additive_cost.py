"""Costs that add up along a path: a fixed part, and for each block what running or bypassing it costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import UsageError
from pam_edge.supernet.path import PathSpec

Number = TypeVar("Number", int, float)

QUANTA_PER_UNIT = 10**9
"""Where costs are compared, they count in whole quanta: MACs of a GMAC, picoseconds of a millisecond."""


def quantise(amount: float) -> int:
    """Return an amount as a whole number of quanta, the nearest."""
    return round(amount * QUANTA_PER_UNIT)


def amount_of(quanta: int) -> float:
    """Return the amount that a number of quanta stands for; ``quantise`` gives the number back."""
    return quanta / QUANTA_PER_UNIT


@dataclass(frozen=True, slots=True)
class AdditiveCost(Generic[Number]):
    """Cost of one image along any path.

    Attributes:
        fixed: everything outside the choices.
        run: per block, the block itself.
        bypass: per block, its connect layer.
    """

    fixed: Number
    run: tuple[Number, ...]
    bypass: tuple[Number, ...]

    def __post_init__(self) -> None:
        if not self.run or len(self.run) != len(self.bypass):
            counts = f"{len(self.run)} and {len(self.bypass)}"
            raise UsageError(f"Expected costs to run and to bypass one or more blocks, as many of each; got {counts}.")

    def __len__(self) -> int:
        return len(self.run)

    def cost(self, path: PathSpec) -> Number:
        """Return a path's cost: whole numbers add exactly, others to the nearest of the exact sum.

        Raises:
            UsageError: if the path has another number of blocks.
        """
        if len(path) != len(self):
            raise UsageError(
                f"These costs are of {len(self)} blocks; the path {path} has {len(path)}. Use one variant's."
            )
        amounts: list[Number] = [self.fixed]
        for runs, run, bypass in zip(path.runs, self.run, self.bypass, strict=True):
            amounts.append(run if runs else bypass)
        return _add(amounts)

    def costs(self, runs: NDArray[np.bool_]) -> NDArray[np.int64] | NDArray[np.float64]:
        """Return the costs of paths bool[N, L], of whole numbers int64[N] and exact."""
        run, bypass = np.array(self.run), np.array(self.bypass)
        return np.asarray(self.fixed + np.where(runs, run, bypass).sum(1))

    @property
    def full(self) -> Number:
        """Cost with every block run."""
        return self.cost(PathSpec.full(len(self)))

    @property
    def shortest(self) -> Number:
        """Cost with every block bypassed."""
        return self.cost(PathSpec.shortest(len(self)))

    @property
    def cheapest(self) -> Number:
        """Cost of the cheapest path; below ``shortest`` where some block runs faster than its bypass."""
        return self.cost(PathSpec(tuple(run < bypass for run, bypass in zip(self.run, self.bypass, strict=True))))

    @property
    def dearest(self) -> Number:
        """Cost of the dearest path."""
        return self.cost(PathSpec(tuple(run > bypass for run, bypass in zip(self.run, self.bypass, strict=True))))

    @property
    def quanta(self) -> AdditiveCost[int]:
        """The same in whole quanta, each part rounded to the nearest."""
        return AdditiveCost(quantise(self.fixed), tuple(map(quantise, self.run)), tuple(map(quantise, self.bypass)))


def _add(amounts: list[Number]) -> Number:
    first = amounts[0]
    if isinstance(first, int):
        return sum(amounts[1:], start=first)
    return type(first)(math.fsum(amounts))
