"""Costs and plans as JSON holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pam_edge.planning.cost import CostTable
from pam_edge.planning.planner import Plan
from pam_edge.planning.service import Planned


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
        "budget": plan.budget.text,
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


def planned_record(planned: Planned) -> dict[str, Any]:
    """Return plans and their front as JSON holds them."""
    conditions = planned.conditions
    return {
        "checkpoint": planned.title,
        "profile": planned.profile,
        "provenance": planned.costs.provenance,
        "basis": planned.basis,
        "target": conditions.target,
        "precision": conditions.precision,
        "height": conditions.height,
        "width": conditions.width,
        "blocks": list(conditions.config.block_names),
        "plans": [plan_record(plan) for plan in planned.plans],
        "front": [plan_record(plan) for plan in planned.front],
    }
