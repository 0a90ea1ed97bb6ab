"""Choose the path for a budget.

Percent and named budgets are of the full path's cost and compare predictions with a prediction, so a path's own cost
counts. Milliseconds are a promise, so the upper confidence bound counts. GMACs are counted, and have no error.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import BudgetError, UsageError
from pam_edge.planning.budget import Budget, BudgetUnit
from pam_edge.planning.cost import CostTable
from pam_edge.planning.search import Candidate, best_path, quantise
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
    _runs: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    _values: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len({len(path) for path in self.errors}) > 1:
            raise UsageError("Expected errors of paths of one length.")
        object.__setattr__(self, "_runs", np.array([path.runs for path in self.errors], np.int64))
        object.__setattr__(self, "_values", np.fromiter(self.errors.values(), np.float64))

    def best(self, fixed: int, run: tuple[int, ...], bypass: tuple[int, ...], room: int) -> PathSpec | None:
        """Return the listed path of least error that costs at most ``room``, or None; costs are in quanta."""
        if not self.errors:
            return None
        costs = fixed + sum(bypass) + self._runs @ (np.array(run) - np.array(bypass))
        values = np.where(costs <= room, self._values, np.inf)
        least = values.min()
        if least == np.inf:
            return None
        paths = tuple(self.errors)
        ties = np.flatnonzero(values == least)
        return paths[min(ties, key=lambda index: (costs[index], [not taken for taken in paths[index].runs]))]


@dataclass(frozen=True, slots=True)
class Plan:
    """The path chosen for a budget.

    Attributes:
        budget: what was asked.
        path: what was chosen.
        limit: the budget in ``limit_unit``.
        limit_unit: GMAC for budgets in GMAC, else the unit of the costs.
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
    quanta = _Quanta.of(limiting)
    percent = budget.unit is BudgetUnit.PERCENT
    limit = budget.value / 100 * limiting.full if percent else budget.value
    margin = limiting.margin if budget.unit is BudgetUnit.MS else 0.0
    # Percent of the sum of the rounded parts: 100 % is then exactly the full path.
    room = round(budget.value / 100 * quanta.full) if percent else quantise(limit) - quantise(margin)
    if quanta.cheapest > room:
        raise BudgetError(_too_small(budget, limiting, limit, margin))
    path, objective = _choose(quanta, min(room, quanta.dearest), macs, errors)
    return Plan(
        budget=budget,
        path=path,
        limit=limit,
        limit_unit=limiting.unit,
        predicted_cost=costs.cost(path),
        interval=costs.interval(path),
        unit=costs.unit,
        provenance=costs.provenance,
        gmacs=macs.cost(path),
        objective=objective,
        expected_error=errors.errors.get(path) if errors else None,
    )


def _check(costs: CostTable, macs: CostTable, errors: ErrorTable | None) -> None:
    listed = [len(path) for path in itertools.islice(errors.errors, 1)] if errors else []
    lengths = {len(costs), len(macs), *listed}
    if len(lengths) != 1:
        raise UsageError(
            f"Expected costs, MACs and errors of one variant; got them for {sorted(lengths)} blocks. Check the profile "
            "and the checkpoint."
        )
    if macs.unit is not CostUnit.GMAC:
        raise UsageError(f"Expected MACs in GMAC; got {macs.unit}.")


def _limiting_table(budget: Budget, costs: CostTable, macs: CostTable) -> CostTable:
    if budget.unit is BudgetUnit.GMAC:
        return macs
    if budget.unit is BudgetUnit.MS and costs.unit is not CostUnit.MS:
        raise BudgetError(
            f"The budget {budget} needs costs in milliseconds; there are only MACs. Give a device profile with "
            "--profile (`pam-edge profile list` shows them), or a budget in GMAC or %."
        )
    return costs


def _too_small(budget: Budget, table: CostTable, limit: float, margin: float) -> str:
    low, high, unit = table.cheapest + margin, table.full + margin, table.unit
    asked = f"{budget}, which is {limit:.4g} {unit}," if budget.unit is BudgetUnit.PERCENT else f"{budget}"
    bound = f" (with {margin:.2g} ms of uncertainty)" if margin else ""
    return (
        f"The budget {asked} is below the cheapest path. Feasible here: {low:.4g} to {high:.4g} {unit}{bound}, that is "
        f"{100 * table.cheapest / table.full:.1f}% to 100%, {table.provenance}. Raise the budget, reduce the "
        "size or take a smaller variant."
    )


@dataclass(frozen=True, slots=True)
class _Quanta:
    """A cost table in whole quanta, so that sums are exact."""

    fixed: int
    run: tuple[int, ...]
    bypass: tuple[int, ...]

    @classmethod
    def of(cls, table: CostTable) -> _Quanta:
        return cls(quantise(table.fixed), tuple(map(quantise, table.run)), tuple(map(quantise, table.bypass)))

    @property
    def full(self) -> int:
        return self.fixed + sum(self.run)

    @property
    def cheapest(self) -> int:
        return self.fixed + sum(map(min, self.run, self.bypass))

    @property
    def dearest(self) -> int:
        return self.fixed + sum(map(max, self.run, self.bypass))


def _choose(costs: _Quanta, room: int, macs: CostTable, errors: ErrorTable | None) -> tuple[PathSpec, str]:
    if errors:
        listed = errors.best(costs.fixed, costs.run, costs.bypass, room)
        if listed is not None:
            return listed, LEAST_ERROR.format(count=len(errors.errors))
    values = _Quanta.of(macs)
    blocks = map(Candidate, costs.run, costs.bypass, values.run, values.bypass)
    best_of_all = best_path(tuple(blocks), room - costs.fixed)
    assert best_of_all is not None, "the cheapest path was checked to fit"
    return best_of_all, NONE_LISTED if errors else MOST_MACS
