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

from pam_edge.supernet.additive_cost import AdditiveCost
from pam_edge.supernet.path import PathSpec

_Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Half:
    """All choices of some blocks in a row; ``bits`` has the first block as its highest bit."""

    costs: _Integers
    values: _Integers
    bits: _Integers


def best_path(costs: AdditiveCost[int], values: AdditiveCost[int], limit: int) -> PathSpec | None:
    """Return the path of most value that costs at most ``limit``, or None when no path does.

    Equal values: the lower cost, then the path that runs the earlier block.
    """
    first, second, best = _prepare_best(costs, values)
    positions = np.searchsorted(second.costs, limit - costs.fixed - first.costs, side="right") - 1
    fits = np.flatnonzero(positions >= 0)
    if not len(fits):
        return None
    partners = best[positions[fits]]
    totals = first.values[fits] + second.values[partners]
    ties = np.flatnonzero(totals == totals.max())
    return _cheapest(first, second, fits[ties], partners[ties], len(costs))


def cheapest_path(costs: AdditiveCost[int], values: AdditiveCost[int], value: int) -> PathSpec | None:
    """Return the cheapest path of exactly this value, or None when there is none.

    Equal costs: the path that runs the earlier block.
    """
    first, second = _prepare_cheapest(costs, values)
    wanted = value - values.fixed - first.values
    # Sorted by value, then cost: the first of a value is the cheapest of it.
    places = np.minimum(np.searchsorted(second.values, wanted, side="left"), len(second.values) - 1)
    fits = np.flatnonzero(second.values[places] == wanted)
    return _cheapest(first, second, fits, places[fits], len(costs)) if len(fits) else None


def _cheapest(first: _Half, second: _Half, firsts: _Integers, seconds: _Integers, block_count: int) -> PathSpec:
    """Return the cheapest of some pairs of halves; of equal ones the path that runs the earlier block."""
    costs = first.costs[firsts] + second.costs[seconds]
    bits = (first.bits[firsts] << (block_count // 2)) | second.bits[seconds]
    winner = int(bits[costs == costs.min()].max())
    return PathSpec(tuple(bit == "1" for bit in f"{winner:0{block_count}b}"))


@lru_cache(maxsize=16)
def _prepare_best(costs: AdditiveCost[int], values: AdditiveCost[int]) -> tuple[_Half, _Half, _Integers]:
    """List both halves, the second by cost, and its best up to each of its costs: the same for every limit."""
    first, second = _halves(costs, values)
    second = _sorted(second, (-second.bits, -second.values, second.costs))
    return first, second, _best_so_far(second.values)


@lru_cache(maxsize=16)
def _prepare_cheapest(costs: AdditiveCost[int], values: AdditiveCost[int]) -> tuple[_Half, _Half]:
    """List both halves, the second by value and of equal values by cost."""
    first, second = _halves(costs, values)
    return first, _sorted(second, (-second.bits, second.costs, second.values))


def _halves(costs: AdditiveCost[int], values: AdditiveCost[int]) -> tuple[_Half, _Half]:
    middle = (len(costs) + 1) // 2
    return _enumerate(costs, values, slice(0, middle)), _enumerate(costs, values, slice(middle, None))


def _enumerate(costs: AdditiveCost[int], values: AdditiveCost[int], blocks: slice) -> _Half:
    """List all choices of some blocks, without the fixed parts."""
    cost, value, bits = (np.zeros(1, np.int64) for _ in range(3))
    columns = (each[blocks] for each in (costs.run, costs.bypass, values.run, values.bypass))
    for run_cost, bypass_cost, run_value, bypass_value in zip(*columns, strict=True):
        cost = np.concatenate([cost + bypass_cost, cost + run_cost])
        value = np.concatenate([value + bypass_value, value + run_value])
        bits = np.concatenate([bits << 1, (bits << 1) | 1])
    return _Half(cost, value, bits)


def _sorted(half: _Half, keys: tuple[_Integers, ...]) -> _Half:
    """Sort by the last key, then the one before; among equal ones the path that runs the earlier block is first."""
    order = np.lexsort(keys)
    return _Half(half.costs[order], half.values[order], half.bits[order])


def _best_so_far(values: _Integers) -> _Integers:
    """Return, for each position, where the largest value up to it first occurs."""
    largest = np.maximum.accumulate(values)
    rises = np.concatenate([[True], largest[1:] > largest[:-1]])
    return np.maximum.accumulate(np.where(rises, np.arange(len(values)), 0))
