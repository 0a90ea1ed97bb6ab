"""The best paths at every cost: the Pareto front."""

from __future__ import annotations

import math

from pam_edge.planning.budget import parse_budget
from pam_edge.planning.cost import CostTable
from pam_edge.planning.planner import ErrorTable, Plan, plan_within

POINTS = 64
"""Limits that the planner is asked at."""


def pareto_front(costs: CostTable, macs: CostTable, errors: ErrorTable | None = None) -> tuple[Plan, ...]:
    """Return paths that no other path beats in both cost and objective, from the cheapest to the best.

    The front of 2^L paths can have thousands of points; this asks the planner at ``POINTS`` evenly spaced limits, in
    whole quanta, and each answer is a point of the front, because the planner prefers the cheaper of equal paths. With
    an error table, only listed paths are on it (unless none fits at all).
    """
    whole = costs.quanta
    plans: dict[str, Plan] = {}
    for step in range(POINTS):
        room = whole.cheapest + (whole.full - whole.cheapest) * step // (POINTS - 1)
        # Rounded up and above zero, so that it can be typed and allows the path.
        percent = max(1, math.ceil(10**6 * room / whole.full)) / 10**4
        plan = plan_within(room, parse_budget(f"{percent}%"), costs, costs, macs, errors)
        plans.setdefault(str(plan.path), plan)
    listed = {path: plan for path, plan in plans.items() if plan.expected_error is not None}
    plans = listed or plans
    return tuple(sorted(plans.values(), key=lambda plan: plan.predicted_cost))
