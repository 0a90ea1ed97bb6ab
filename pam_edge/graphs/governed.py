"""What a dynamic graph must compute: the supernet with the governor, in plain PyTorch, written on its own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pam_edge.graphs.dynamic import HYSTERESIS
from pam_edge.graphs.governor import BudgetTable, GovernorCosts
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec


@dataclass(frozen=True, slots=True)
class GovernedOutput:
    """Result of one image.

    Attributes:
        alpha: float32[1, 1, H, W].
        path: the blocks that ran.
        cost: predicted, in the unit of the governor's costs.
        margins: per block, by how much it would rather run, by its gate and by what ran last: near zero, another
            arithmetic may choose otherwise.
        decided_by_gate: per block, whether the governor left the choice to the gate.
    """

    alpha: Tensor
    path: PathSpec
    cost: float
    margins: tuple[float, ...]
    decided_by_gate: tuple[bool, ...]

    @property
    def free_margins(self) -> tuple[float | None, ...]:
        """The margins of gates that had a choice; None where the governor left none."""
        pairs = zip(self.margins, self.decided_by_gate, strict=True)
        return tuple(margin if free else None for margin, free in pairs)


def run_governed(
    supernet: Supernet,
    costs: GovernorCosts,
    table: BudgetTable,
    image: Tensor,
    trimap: Tensor,
    budget: float,
    previous_path: PathSpec | None = None,
) -> GovernedOutput:
    """Matte one image within a budget.

    Args:
        supernet: in evaluation mode.
        costs: of the device.
        table: from budget to row of the cost constraint embedding.
        image: float32[1, 3, H, W], RGB, 0..255.
        trimap: float32[1, 1, H, W], 0..255.
        budget: in the unit of the costs; below the shortest path's cost, or NaN: as the shortest path's cost.
        previous_path: that was taken for the last frame, and is kept but for a gate's clear wish; None for pictures.
    """
    limit = budget if budget > costs.shortest else costs.shortest
    embedding = supernet.embedding(torch.tensor([table.row(limit)]))[:, :, None, None]
    spent, runs, margins, free = costs.fixed, [], [], []

    def step(index: int, x: Tensor) -> Tensor:
        nonlocal spent
        choice = supernet.choice(index)
        attended, pooled = choice.gate.attend(x)
        bypass, run = choice.gate.logits(pooled, embedding)[0].tolist()
        wish = run - bypass + (0.0 if previous_path is None else HYSTERESIS * (1 if previous_path.runs[index] else -1))
        allowed = spent + costs.run[index] + costs.rest(index) <= limit
        runs.append(wish > 0 and allowed)
        margins.append(wish)
        free.append(allowed)
        spent += costs.run[index] if runs[-1] else costs.bypass[index]
        return choice.take(attended, runs[-1])

    with torch.no_grad():
        alpha = supernet.trunk(image, trimap, step)
    return GovernedOutput(alpha, PathSpec(tuple(runs)), spent, tuple(margins), tuple(free))
