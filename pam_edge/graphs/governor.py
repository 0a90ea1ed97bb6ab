"""The governor: constants and arithmetic that keep a graph's path within its budget, whatever the gates say."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from pam_edge.errors import BudgetError, UsageError
from pam_edge.planning.budget import Budget, BudgetUnit
from pam_edge.planning.cost import CostTable
from pam_edge.supernet.additive_cost import AdditiveCost
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import CostUnit

_EXACT_BITS = 23
"""Costs are whole multiples of a quantum, and the dearest path has some 2^23 of them at most: every sum and difference
of them is then exact in float32 (24 bits), so that no order of additions and no runtime can break a budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernorCosts(AdditiveCost[float]):
    """Additive costs as a graph holds them: rounded up to multiples of a power of two, exact in float32.

    No ``run`` is less than its ``bypass``, so that bypassing always saves, and smaller budgets than ``shortest`` count
    as that one.

    Attributes:
        unit: of every number here.
        margin: what a predicted cost may be short of, 95 %; not in the graph: budgets in milliseconds, which are a
            promise, lose it before the graph sees them.
    """

    unit: CostUnit
    margin: float = 0.0

    @classmethod
    def of(cls, table: CostTable) -> GovernorCosts:
        """Round a cost table up: each of its entries grows by at most 2^-22 of the dearest path, or to its bypass."""
        quantum = 2.0 ** (math.ceil(math.log2(table.dearest)) - _EXACT_BITS)

        def rounded(value: float) -> float:
            return math.ceil(value / quantum) * quantum

        run = tuple(rounded(max(pair)) for pair in zip(table.run, table.bypass, strict=True))
        bypass = tuple(map(rounded, table.bypass))
        return cls(fixed=rounded(table.fixed), run=run, bypass=bypass, unit=table.unit, margin=table.margin)

    def rest(self, index: int) -> float:
        """Return the least that the blocks after ``index`` can cost."""
        return sum(self.bypass[index + 1 :])


def budget_input(budget: Budget, costs: GovernorCosts, static_path: PathSpec | None = None) -> float:
    """Return what a dynamic graph takes as a budget: in the unit of its costs, float32, never more than asked.

    As in planning, milliseconds are a promise and hold the prediction's margin; other units compare predictions.

    Args:
        budget: as a user wrote it.
        costs: that the graph holds.
        static_path: that is planned for the budget; a level of quality stands for its cost.

    Raises:
        BudgetError: if the budget is in another unit, or less than the shortest path needs; or if it is a level of
            quality whose path is not known.
    """
    margin = costs.margin if budget.unit is BudgetUnit.MS else 0.0
    wanted = _in_unit_of(costs, budget, static_path) - margin
    nearest = np.float32(wanted)
    taken = float(nearest) if float(nearest) <= wanted else float(np.nextafter(nearest, np.float32(0)))
    if taken < costs.shortest:
        bound = f", {margin:.2g} {costs.unit} of uncertainty each" if margin else ""
        raise BudgetError(
            f"The budget {budget} is {wanted + margin:.6g} {costs.unit}; the shortest path takes "
            f"{costs.shortest + margin:.6g}, the full one {costs.full + margin:.6g} {costs.unit}{bound}. Give a budget "
            "between them."
        )
    return taken


def _in_unit_of(costs: GovernorCosts, budget: Budget, static_path: PathSpec | None) -> float:
    if budget.unit is BudgetUnit.LEVEL and static_path is not None:
        return costs.cost(static_path)
    if budget.unit is BudgetUnit.PERCENT:
        return budget.value / 100 * costs.full
    if budget.unit == costs.unit.lower():
        return budget.value
    advice = "Names are those that the graph was made with. " if budget.unit is BudgetUnit.LEVEL else ""
    raise BudgetError(
        f"This graph takes its budget in {costs.unit} or percent of its full path's; got {budget}. {advice}Give "
        f"{costs.full:.4g}{costs.unit} or less, or a percentage."
    )


@dataclass(frozen=True, slots=True)
class BudgetTable:
    """Which row of the cost constraint embedding a budget selects: the last whose threshold it reaches.

    Attributes:
        thresholds: one per row, rising (equal ones skip rows), the first 0; in the unit of the governor's costs.
    """

    thresholds: tuple[float, ...]

    def __post_init__(self) -> None:
        pairs = zip(self.thresholds, self.thresholds[1:], strict=False)
        if not self.thresholds or self.thresholds[0] != 0 or any(a > b for a, b in pairs):
            raise UsageError("Expected thresholds that start at 0 and never fall.")

    def row(self, budget: float) -> int:
        """Return the row for a budget that has been clamped to the shortest path's cost."""
        return max(row for row, threshold in enumerate(self.thresholds) if threshold <= budget)


class Governor(nn.Module):
    """The governor's part of a graph. Every tensor is float32; costs, budget and sums have the shape [1]."""

    thresholds: Tensor

    def __init__(self, costs: GovernorCosts, table: BudgetTable) -> None:
        super().__init__()
        self.costs = costs
        self.register_buffer("thresholds", torch.tensor(table.thresholds[1:]), persistent=False)

    def clamp(self, budget: Tensor) -> Tensor:
        """Return the budget, or the shortest path's cost if it is smaller or not a number."""
        return torch.where(budget > self.costs.shortest, budget, torch.full_like(budget, self.costs.shortest))

    def select_row(self, budget: Tensor) -> Tensor:
        """Return float32[1, rows]: 1 at the row that a clamped budget selects, 0 elsewhere."""
        over = (budget >= self.thresholds).float()
        return (torch.cat([torch.ones_like(budget), over]) - torch.cat([over, torch.zeros_like(budget)]))[None]

    def allows(self, index: int, spent: Tensor, budget: Tensor) -> Tensor:
        """Return bool[1]: whether block ``index`` may run and everything after it still be bypassed."""
        return spent + (self.costs.run[index] + self.costs.rest(index)) <= budget

    def charge(self, index: int, spent: Tensor, runs: Tensor) -> Tensor:
        """Return what is spent after block ``index``, given float32[1], 1 if it runs and 0 if not."""
        bypass = self.costs.bypass[index]
        return spent + (runs * (self.costs.run[index] - bypass) + bypass)
