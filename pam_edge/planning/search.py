"""Exact search for the path of most value within a limit on its cost.

This is a knapsack with 2^L choices. Branch and bound does badly on it: a block's value (MACs) is nearly proportional
to its cost, so bounds hardly prune. Meeting in the middle needs no luck: list all choices of the first and of the
second half of the blocks (2^10 each for 20 blocks), sort the second list by cost and note the best value up to each
cost; then every choice of the first half finds its best partner by one binary search. Costs and values are whole
numbers, so that sums are exact, ties are real ties, and a path that costs exactly the limit is within it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pam_edge.supernet.path import PathSpec

QUANTUM = 1e-9
"""Costs count in steps of this many of their units: one MAC of a GMAC, a picosecond of a millisecond."""

_Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One block, in quanta: what running or bypassing it costs, and what it is worth."""

    run_cost: int
    bypass_cost: int
    run_value: int
    bypass_value: int


@dataclass(frozen=True, slots=True)
class _Half:
    """All choices of some blocks in a row; ``bits`` has the first block as its highest bit."""

    costs: _Integers
    values: _Integers
    bits: _Integers


def quantise(amount: float) -> int:
    """Return an amount as a whole number of quanta."""
    return round(amount / QUANTUM)


def best_path(candidates: tuple[Candidate, ...], limit: int) -> PathSpec | None:
    """Return the path of most value that costs at most ``limit``, or None when no path does.

    Equal values: the lower cost, then the path that runs the earlier block.
    """
    first, second, best = _prepare(candidates)
    positions = np.searchsorted(second.costs, limit - first.costs, side="right") - 1
    fits = np.flatnonzero(positions >= 0)
    if not len(fits):
        return None
    partners = best[positions[fits]]
    values = first.values[fits] + second.values[partners]
    ties = np.flatnonzero(values == values.max())
    fits, partners = fits[ties], partners[ties]
    costs = first.costs[fits] + second.costs[partners]
    bits = (first.bits[fits] << (len(candidates) // 2)) | second.bits[partners]
    winner = int(bits[costs == costs.min()].max())
    return PathSpec(tuple(bit == "1" for bit in f"{winner:0{len(candidates)}b}"))


@lru_cache(maxsize=16)
def _prepare(candidates: tuple[Candidate, ...]) -> tuple[_Half, _Half, _Integers]:
    """List both halves, and the best of the second up to each of its costs: the same for every limit."""
    middle = (len(candidates) + 1) // 2
    second = _ranked(_enumerate(candidates[middle:]))
    return _enumerate(candidates[:middle]), second, _best_so_far(second.values)


def _enumerate(candidates: tuple[Candidate, ...]) -> _Half:
    costs, values, bits = (np.zeros(1, np.int64) for _ in range(3))
    for block in candidates:
        costs = np.concatenate([costs + block.bypass_cost, costs + block.run_cost])
        values = np.concatenate([values + block.bypass_value, values + block.run_value])
        bits = np.concatenate([bits << 1, (bits << 1) | 1])
    return _Half(costs, values, bits)


def _ranked(half: _Half) -> _Half:
    """Sort by cost; among equal costs the best value first, then the path that runs the earlier block."""
    order = np.lexsort((-half.bits, -half.values, half.costs))
    return _Half(half.costs[order], half.values[order], half.bits[order])


def _best_so_far(values: _Integers) -> _Integers:
    """Return, for each position, where the largest value up to it first occurs."""
    largest = np.maximum.accumulate(values)
    rises = np.concatenate([[True], largest[1:] > largest[:-1]])
    return np.maximum.accumulate(np.where(rises, np.arange(len(values)), 0))
