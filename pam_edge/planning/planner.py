"""Choose the path for a budget.

Percent are of the full path's cost and compare predictions with a prediction, so a path's own cost counts.
Milliseconds are a promise, so the upper confidence bound counts. GMACs, and the named levels of quality, which are
shares of the full path's MACs, are counted, and have no error. Whatever limits, all is compared in whole quanta.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import BudgetError, UsageError
from pam_edge.planning.budget import Budget, BudgetUnit
from pam_edge.planning.cost import CostTable
from pam_edge.planning.search import best_path, cheapest_path
from pam_edge.supernet.additive_cost import AdditiveCost, amount_of, quantise
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import CostUnit, Provenance

MOST_MACS = "most MACs within budget: no error table"
LEAST_ERROR = "least expected error within budget, among {count} listed paths"
NONE_LISTED = "most MACs within budget: no path of the error table fits"


@dataclass(frozen=True, slots=True)
class ErrorTable:
    """Expected errors of many paths, made on calibration images; comes with a checkpoint.

    Attributes:
        errors: expected error of each listed path; lower is better.
    """

    errors: dict[PathSpec, float]
    _runs: NDArray[np.bool_] = field(init=False, repr=False, compare=False)
    _values: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.errors or len({len(path) for path in self.errors}) > 1:
            raise UsageError("Expected errors of one path or more, all of one length.")
        object.__setattr__(self, "_runs", np.array([path.runs for path in self.errors], np.bool_))
        object.__setattr__(self, "_values", np.fromiter(self.errors.values(), np.float64))

    @classmethod
    def parse(cls, path_errors: Mapping[str, float]) -> ErrorTable | None:
        """Return the table that a checkpoint carries, by paths in text form; None if it is empty."""
        return cls({PathSpec.parse(path): error for path, error in path_errors.items()}) if path_errors else None

    def __len__(self) -> int:
        return len(self.errors)

    def best(self, limiting: AdditiveCost[int], room: int, costs: AdditiveCost[int]) -> PathSpec | None:
        """Return the listed path of least error within ``room`` of the limiting costs, or None.

        Equal errors: the path of lower cost, then the one that runs the earlier block.
        """
        values = np.where(limiting.costs(self._runs) <= room, self._values, np.inf)
        least = values.min()
        if least == np.inf:
            return None
        listed, prices = tuple(self.errors), costs.costs(self._runs)
        ties = np.flatnonzero(values == least)
        return listed[min(ties, key=lambda index: (prices[index], [not runs for runs in listed[index].runs]))]


@dataclass(frozen=True, slots=True)
class Plan:
    """The path chosen for a budget.

    Attributes:
        budget: what was asked.
        path: what was chosen.
        limit: the budget in ``limit_unit``.
        limit_unit: GMAC for budgets in GMAC and levels of quality, else the unit of the costs.
        predicted_cost: of the path, in ``unit``.
        interval: bounds of the cost in ``unit`` that hold together with 90 %; for estimates it is empty.
        unit: of ``predicted_cost`` and ``interval``.
        provenance: where the costs come from.
        gmacs: of the path at the converted size.
        objective: what was made as large or small as the budget allows.
        expected_error: of the path, where the error table lists it.
    """

    budget: Budget
    path: PathSpec
    limit: float
    limit_unit: CostUnit
    predicted_cost: float
    interval: tuple[float, float]
    unit: CostUnit
    provenance: Provenance
    gmacs: float
    objective: str
    expected_error: float | None = None


def plan_path(budget: Budget, costs: CostTable, macs: CostTable, errors: ErrorTable | None = None) -> Plan:
    """Return the best path within a budget.

    With an error table, the listed path of least expected error that fits (paths that are not listed are not
    judged); without one, or when no listed path fits, the path of most MACs. Equal paths: the cheaper one, then the
    one that runs the earlier block. The result depends on nothing but the arguments.

    Args:
        budget: what the path may cost.
        costs: of the device, in milliseconds; or ``macs`` itself where there is no profile.
        macs: GMACs at the converted size.
        errors: expected errors, when the checkpoint has them.

    Raises:
        BudgetError: if the budget is in milliseconds and the costs are not, or no path is as cheap.
        UsageError: if costs, MACs and errors are of different numbers of blocks.
    """
    _check(costs, macs, errors)
    limiting = _limiting_table(budget, costs, macs)
    margin = quantise(limiting.margin) if budget.unit is BudgetUnit.MS else 0
    limit = _in_quanta(budget, limiting)
    if limiting.quanta.cheapest > limit - margin:
        raise BudgetError(_too_small(budget, limiting, amount_of(limit), amount_of(margin)))
    return plan_within(limit - margin, budget, limiting, costs, macs, errors)


def plan_within(
    room: int,
    budget: Budget,
    limiting: CostTable,
    costs: CostTable,
    macs: CostTable,
    errors: ErrorTable | None,
) -> Plan:
    """Return the best path that costs at most ``room`` quanta of the limiting table; one is known to fit."""
    path, objective = _choose(limiting.quanta, room, costs.quanta, macs.quanta, errors)
    return Plan(
        budget=budget,
        path=path,
        limit=amount_of(_in_quanta(budget, limiting)),
        limit_unit=limiting.unit,
        predicted_cost=costs.cost(path),
        interval=costs.interval(path),
        unit=costs.unit,
        provenance=costs.provenance,
        gmacs=macs.cost(path),
        objective=objective,
        expected_error=errors.errors.get(path) if errors else None,
    )


def most_macs(costs: CostTable, macs: CostTable, limit: float) -> float:
    """Return the GMACs of the path of most MACs whose predicted cost is within a limit; one is known to fit."""
    most = best_path(costs.quanta, macs.quanta, min(quantise(limit), costs.quanta.dearest))
    assert most is not None, "the cheapest path was checked to fit"
    return macs.cost(most)


def _check(costs: CostTable, macs: CostTable, errors: ErrorTable | None) -> None:
    listed = {len(path) for path in errors.errors} if errors else set()
    lengths = {len(costs), len(macs), *listed}
    if len(lengths) != 1:
        raise UsageError(
            f"Expected costs, MACs and errors of one variant; got them for {sorted(lengths)} blocks. Check the profile "
            "and the checkpoint."
        )
    if macs.unit is not CostUnit.GMAC:
        raise UsageError(f"Expected MACs in GMAC; got {macs.unit}.")


def _limiting_table(budget: Budget, costs: CostTable, macs: CostTable) -> CostTable:
    if budget.unit in (BudgetUnit.GMAC, BudgetUnit.LEVEL):
        return macs
    if budget.unit is BudgetUnit.MS and costs.unit is not CostUnit.MS:
        raise BudgetError(
            f"The budget {budget} needs a device profile's costs in milliseconds; here only MACs are counted. Give a "
            "budget in GMAC, % or a name, or plan and convert for a profile (`pam-edge profile list` shows them)."
        )
    return costs


def _in_quanta(budget: Budget, limiting: CostTable) -> int:
    """Return a budget in quanta of the limiting table: 100 % is exactly the full path."""
    if budget.unit in (BudgetUnit.PERCENT, BudgetUnit.LEVEL):
        return round(budget.value / 100 * limiting.quanta.full)
    return quantise(budget.value)


def _too_small(budget: Budget, table: CostTable, limit: float, margin: float) -> str:
    low, high, unit = table.cheapest + margin, table.full + margin, table.unit
    relative = budget.unit in (BudgetUnit.PERCENT, BudgetUnit.LEVEL)
    asked = f"{budget}, which is {limit:.4g} {unit}," if relative else f"{budget}"
    bound = f" (with {margin:.2g} ms of uncertainty)" if margin else ""
    return (
        f"The budget {asked} is below the cheapest path. Feasible here: {low:.4g} to {high:.4g} {unit}{bound}, that is "
        f"{100 * table.cheapest / table.full:.1f}% to 100%, {table.provenance}. Raise the budget, reduce the size or "
        "take a smaller variant."
    )


def _choose(
    limiting: AdditiveCost[int],
    room: int,
    costs: AdditiveCost[int],
    macs: AdditiveCost[int],
    errors: ErrorTable | None,
) -> tuple[PathSpec, str]:
    if errors:
        listed = errors.best(limiting, room, costs)
        if listed is not None:
            return listed, LEAST_ERROR.format(count=len(errors))
    most = best_path(limiting, macs, min(room, limiting.dearest))
    assert most is not None, "the cheapest path was checked to fit"
    # Where MACs limit, paths of equal MACs cost the same of what limits, and the device decides between them.
    cheapest = cheapest_path(costs, macs, macs.cost(most)) if limiting == macs else most
    assert cheapest is not None, "a path of these MACs was found"
    return cheapest, NONE_LISTED if errors else MOST_MACS
