"""Planning, as all who need a path ask for it: a checkpoint, budgets, conditions and perhaps a device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_edge.device_profiles.schema import DeviceProfile
from pam_edge.planning.budget import Budget
from pam_edge.planning.conditions import Conditions
from pam_edge.planning.cost import CostTable, mac_cost_table
from pam_edge.planning.device_costs import describe_basis, profile_costs
from pam_edge.planning.front import pareto_front
from pam_edge.planning.planner import ErrorTable, Plan, plan_path
from pam_edge.targets import Target
from pam_edge.terms import Mode, Precision

if TYPE_CHECKING:
    from pam_edge.supernet.checkpoint import Checkpoint
    from pam_edge.supernet.config import SupernetConfig

DEFAULT_SIZE = (512, 512)
"""Height and width where none are asked for. Relative costs of paths hardly depend on them."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Plans of some budgets, and what they were made with.

    Attributes:
        conditions: what the costs hold for.
        basis: one line on where the costs come from; carries the provenance.
        costs: of the device, or MACs.
        macs: at the same size.
        errors: that the checkpoint carries; None where it carries none.
        plans: one per budget, in order.
    """

    conditions: Conditions
    basis: str
    costs: CostTable
    macs: CostTable
    errors: ErrorTable | None
    plans: tuple[Plan, ...]

    @property
    def front(self) -> tuple[Plan, ...]:
        """The best paths at every cost."""
        return pareto_front(self.costs, self.macs, self.errors)


def plan(
    checkpoint: Checkpoint, budgets: Sequence[Budget], conditions: Conditions, profile: DeviceProfile | None = None
) -> Planned:
    """Plan the path of each budget.

    Args:
        checkpoint: whose expected errors count.
        budgets: what paths may cost; none gives the costs alone.
        conditions: of the checkpoint's network.
        profile: of the device; None counts MACs.

    Raises:
        BudgetError: if a budget cannot be kept.
        ProfileError: if the profile does not cover the conditions.
    """
    assert conditions.config == checkpoint.config, "conditions are those of the checkpoint's own network"
    costs, macs = costs_for(conditions, profile), costs_for(conditions, None)
    errors = ErrorTable.parse(checkpoint.training.path_errors)
    return Planned(
        conditions=conditions,
        basis=describe_basis(profile, conditions),
        costs=costs,
        macs=macs,
        errors=errors,
        plans=tuple(plan_path(budget, costs, macs, errors) for budget in budgets),
    )


def costs_for(conditions: Conditions, profile: DeviceProfile | None) -> CostTable:
    """Return milliseconds from a profile, or GMACs where there is none.

    Raises:
        ProfileError: if the profile does not cover the conditions.
    """
    if profile is None:
        return mac_cost_table(conditions.config, conditions.height, conditions.width)
    return profile_costs(profile, conditions)


def default_conditions(
    config: SupernetConfig,
    profile: DeviceProfile | None,
    target: Target | None = None,
    precision: Precision | None = None,
    size: tuple[int, int] | None = None,
    mode: Mode = Mode.STATIC,
) -> Conditions:
    """Fill in what was not asked for.

    A measured profile answers for its latest table of the network that agrees with what was asked, else for its latest;
    an estimated one for the first target whose usual compute unit it has a peak of.
    """
    for table in reversed(profile.measurements if profile else ()):
        fits = table.variant == config.name and target in (None, table.target) and precision in (None, table.precision)
        if fits and size in (None, (table.height, table.width)):
            return Conditions(config, table.height, table.width, table.target, table.precision, mode)
    height, width = size or DEFAULT_SIZE
    return Conditions(config, height, width, target or _usual_target(profile), precision, mode)


def _usual_target(profile: DeviceProfile | None) -> Target:
    """Return what a device is usually converted for; without one, what runs on most."""
    if profile and profile.measurements:
        return profile.measurements[-1].target
    here = {unit.unit for unit in profile.estimate.compute_units} if profile and profile.estimate else set()
    usual = {each: each.facts.compute_unit(each.default_precision, Mode.STATIC) for each in Target}
    return next((each for each, unit in usual.items() if unit in here), Target.TFLITE)
