"""Costs of paths during learning, and the budgets that the rows of the cost constraint embedding stand for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pam_edge.planning.cost import CostTable, mac_cost_table
from pam_edge.supernet.config import SupernetConfig
from pam_edge.supernet.path import PathSpec

COST_SIZE = 512
"""Height and width at which MACs are counted; the ratio between paths hardly depends on it."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class BudgetScale:
    """Additive costs and the budgets between the shortest and the full path.

    Attributes:
        fixed: cost of what every path has.
        run: per block.
        bypass: per block.
        rows: number of budgets; row 0 is the shortest path's cost, the last the full path's.
    """

    fixed: float
    run: tuple[float, ...]
    bypass: tuple[float, ...]
    rows: int

    @property
    def shortest(self) -> float:
        """Cost of the all-bypass path."""
        return self.fixed + sum(self.bypass)

    @property
    def full(self) -> float:
        """Cost of the all-run path."""
        return self.fixed + sum(self.run)

    def more(self, like: Tensor) -> Tensor:
        """Return what running each block costs over bypassing it, [L], of another tensor's type."""
        return like.new_tensor([run - bypass for run, bypass in zip(self.run, self.bypass, strict=True)])

    def limit(self, row: int) -> float:
        """Return the budget of a row; rounding never makes a path miss its own cost."""
        return self.shortest + (self.full - self.shortest) * row / (self.rows - 1) + _ROUNDING * self.full

    def cost(self, path: PathSpec) -> float:
        """Return the cost of a path."""
        pairs = zip(path.runs, self.run, self.bypass, strict=True)
        return self.fixed + sum(run if taken else bypass for taken, run, bypass in pairs)

    def costs(self, runs: Tensor) -> Tensor:
        """Return float64[N], the costs of paths bool[N, L]."""
        run, bypass = torch.tensor(self.run, dtype=torch.float64), torch.tensor(self.bypass, dtype=torch.float64)
        return self.fixed + torch.where(runs.cpu(), run, bypass).sum(1)


def budget_scale(config: SupernetConfig, profile: str | None = None) -> BudgetScale:
    """Return the scale of a supernet in a device profile's milliseconds (by name or file), or in GMACs."""
    table = _device_costs(config, profile) if profile else mac_cost_table(config, COST_SIZE, COST_SIZE)
    return BudgetScale(table.fixed, tuple(table.run), tuple(table.bypass), config.budget_indices)


def _device_costs(config: SupernetConfig, name: str) -> CostTable:
    from pam_edge.device_profiles import load_profile
    from pam_edge.planning.service import default_conditions, device_costs

    profile = load_profile(name)
    return device_costs(profile, config, default_conditions(profile, variant=config.name))
