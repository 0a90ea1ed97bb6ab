"""Plan budgets for a checkpoint on a device, with all that a person wants to see beside the paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pam_edge.device_profiles.loader import load_profile
from pam_edge.device_profiles.schema import DeviceProfile, Measurement
from pam_edge.errors import UsageError
from pam_edge.planning.budget import Budget
from pam_edge.planning.cost import CostTable, mac_cost_table
from pam_edge.planning.device_costs import describe_conditions, profile_cost_table
from pam_edge.planning.front import pareto_front
from pam_edge.planning.planner import ErrorTable, Plan, plan_path
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, Precision

if TYPE_CHECKING:
    from pam_edge.supernet.config import SupernetConfig


@dataclass(frozen=True, slots=True)
class Conditions:
    """What costs hold for."""

    target: Target
    precision: Precision
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height <= 0 or self.width <= 0 or self.height % 32 or self.width % 32:
            raise UsageError(f"--size: expected multiples of 32; got {self.height}x{self.width}.")


@dataclass(frozen=True, slots=True)
class PlanReport:
    """Plans of several budgets, and the front that they lie on.

    Attributes:
        checkpoint: its title; carries the word UNTRAINED where it applies.
        profile: name of the device profile; None where costs are MACs.
        conditions: what the costs hold for.
        basis: one line on where the costs come from; carries the provenance.
        costs: of the device, or MACs.
        block_names: of the variant.
        plans: one per budget.
        front: best paths at every cost.
    """

    checkpoint: str
    profile: str | None
    conditions: Conditions
    basis: str
    costs: CostTable
    block_names: tuple[str, ...]
    plans: tuple[Plan, ...]
    front: tuple[Plan, ...]


def default_conditions(
    profile: DeviceProfile | None,
    target: Target | None = None,
    precision: Precision | None = None,
    size: tuple[int, int] | None = None,
    variant: str | None = None,
) -> Conditions:
    """Fill in what was not asked for.

    A measured profile answers for its latest table that agrees with what was asked, of a variant if one is given; an
    estimated one for Core ML where the device has a neural engine, else for LiteRT.
    """
    tables = profile.measurements if profile else ()
    for table in reversed(tables):
        fits = target in (None, table.target) and precision in (None, table.precision)
        if fits and size in (None, (table.height, table.width)) and variant in (None, table.variant):
            return Conditions(table.target, table.precision, table.height, table.width)
    if target is None:
        units = profile.estimate.compute_units if profile and profile.estimate else ()
        has_engine = any(unit.unit is ComputeUnit.NEURAL_ENGINE for unit in units)
        target = Target.COREML if has_engine else Target.TFLITE
    height, width = size or (512, 512)
    return Conditions(target, precision or target.default_precision, height, width)


def tables_for(profile: DeviceProfile, conditions: Conditions) -> tuple[Measurement, ...]:
    """Return the measured tables that hold for these conditions, of any variant; the latest last."""
    asked = (conditions.target, conditions.precision, conditions.height, conditions.width)
    return tuple(t for t in profile.measurements if (t.target, t.precision, t.height, t.width) == asked)


def device_costs(profile: DeviceProfile | None, config: SupernetConfig, conditions: Conditions) -> CostTable:
    """Return milliseconds from a profile, or GMACs where there is none."""
    if profile is None:
        return mac_cost_table(config, conditions.height, conditions.width)
    return profile_cost_table(
        profile,
        target=conditions.target,
        precision=conditions.precision,
        height=conditions.height,
        width=conditions.width,
        config=config,
    )


def describe_basis(profile: DeviceProfile | None, config: SupernetConfig, conditions: Conditions) -> str:
    """Return one line on where costs come from."""
    size = f"{conditions.height}x{conditions.width}"
    if profile is None:
        return f"multiply-accumulates, counted at {size}; no device"
    line = describe_conditions(
        profile,
        target=conditions.target,
        precision=conditions.precision,
        config=config,
        height=conditions.height,
        width=conditions.width,
    )
    return f"{profile.device}: {line}"


def make_report(
    checkpoint: str,
    budgets: Sequence[Budget],
    profile: str | None = None,
    target: Target | None = None,
    precision: Precision | None = None,
    size: tuple[int, int] | None = None,
) -> PlanReport:
    """Plan budgets for a checkpoint (variant name or file) on a device (profile name or file; None plans by MACs).

    Raises:
        PamEdgeError: if checkpoint or profile cannot be used, or a budget cannot be kept.
    """
    from pam_edge.supernet.checkpoint import load_checkpoint

    device = load_profile(profile) if profile else None
    loaded = load_checkpoint(checkpoint)
    conditions = default_conditions(device, target, precision, size, loaded.config.name)
    costs = device_costs(device, loaded.config, conditions)
    macs = mac_cost_table(loaded.config, conditions.height, conditions.width)
    listed = {PathSpec.parse(path): error for path, error in loaded.training.path_errors.items()}
    errors = ErrorTable(listed) if listed else None
    return PlanReport(
        checkpoint=loaded.title,
        profile=device.name if device else None,
        conditions=conditions,
        basis=describe_basis(device, loaded.config, conditions),
        costs=costs,
        block_names=loaded.config.block_names,
        plans=tuple(plan_path(budget, costs, macs, errors) for budget in budgets),
        front=pareto_front(costs, macs, errors),
    )


def costs_record(costs: CostTable, names: Sequence[str]) -> dict[str, Any]:
    """Return costs per block as JSON holds them."""
    rows = zip(names, costs.run, costs.run_errors, costs.bypass, costs.bypass_errors, strict=True)
    keys = ("name", "run", "run_error", "bypass", "bypass_error")
    return {
        "unit": costs.unit,
        "provenance": costs.provenance,
        "full": costs.full,
        "shortest": costs.shortest,
        "margin": costs.margin,
        "fixed": costs.fixed,
        "fixed_error": costs.fixed_error,
        "blocks": [dict(zip(keys, row, strict=True)) for row in rows],
    }


def plan_record(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON holds it."""
    return {
        "budget": plan.budget.label,
        "path": str(plan.path),
        "limit": plan.limit,
        "limit_unit": plan.limit_unit,
        "predicted_cost": plan.predicted_cost,
        "interval": list(plan.interval),
        "cost_unit": plan.unit,
        "cost_provenance": plan.provenance,
        "gmacs": plan.gmacs,
        "expected_error": plan.expected_error,
        "objective": plan.objective,
    }


def report_record(report: PlanReport) -> dict[str, Any]:
    """Return a report as JSON holds it."""
    return {
        "checkpoint": report.checkpoint,
        "profile": report.profile,
        "provenance": report.costs.provenance,
        "basis": report.basis,
        "target": report.conditions.target,
        "precision": report.conditions.precision,
        "height": report.conditions.height,
        "width": report.conditions.width,
        "blocks": list(report.block_names),
        "plans": [plan_record(plan) for plan in report.plans],
        "front": [plan_record(plan) for plan in report.front],
    }
