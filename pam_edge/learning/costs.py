"""Costs of paths during learning, and the budgets that the rows of the cost constraint embedding stand for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pam_edge.planning.service import costs_for, default_conditions
from pam_edge.supernet.additive_cost import AdditiveCost
from pam_edge.supernet.config import SupernetConfig

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetScale(AdditiveCost[float]):
    """Additive costs and the budgets between the shortest and the full path.

    Attributes:
        rows: number of budgets; row 0 is the shortest path's cost, the last the full path's.
    """

    rows: int

    def more(self, like: Tensor) -> Tensor:
        """Return what running each block costs over bypassing it, [L], of another tensor's type."""
        return like.new_tensor([run - bypass for run, bypass in zip(self.run, self.bypass, strict=True)])

    def limit(self, row: int) -> float:
        """Return the budget of a row; rounding never makes a path miss its own cost."""
        return self.shortest + (self.full - self.shortest) * row / (self.rows - 1) + _ROUNDING * self.full

    def costs_of(self, runs: Tensor) -> Tensor:
        """Return float64[N], the costs of paths bool[N, L]."""
        return torch.from_numpy(self.costs(runs.cpu().numpy()))


def budget_scale(config: SupernetConfig, profile: str | None = None) -> BudgetScale:
    """Return the scale of a supernet in a device profile's milliseconds (by name or file), or in GMACs."""
    from pam_edge.device_profiles import load_profile

    device = load_profile(profile) if profile else None
    table = costs_for(default_conditions(config, device), device)
    return BudgetScale(fixed=table.fixed, run=table.run, bypass=table.bypass, rows=config.budget_indices)
