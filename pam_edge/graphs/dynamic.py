"""Graphs that choose inside: the dynamic graph picks its path per image, the probe graph is told it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pam_edge.graphs.fold import fold_batch_norm
from pam_edge.graphs.governor import BudgetTable, Governor, GovernorCosts
from pam_edge.graphs.static import channels_last_trunk
from pam_edge.supernet.blocks import ChoiceBlock, pool_globally
from pam_edge.supernet.network import Step, Supernet

Choose = Callable[[Tensor, nn.Module, nn.Module, Tensor], Tensor]
"""Runs one of two modules on features: bool scalar, module if true, module if false, features."""


def choose_in_graph(run: Tensor, block: nn.Module, connect: nn.Module, x: Tensor) -> Tensor:
    """Choose with ``torch.cond``: both branches are exported, one runs."""
    # Outputs of branches must not alias their inputs, and no two conditionals in a row may share storage.
    result: Tensor = torch.cond(run, block, connect, (x,))
    return result


def choose_eagerly(run: Tensor, block: nn.Module, connect: nn.Module, x: Tensor) -> Tensor:
    """Choose in Python: for running a graph in PyTorch, and for tracing one block."""
    result: Tensor = block(x) if bool(run) else connect(x)
    return result


def _foldable(supernet: Supernet) -> Supernet:
    network = fold_batch_norm(supernet)
    assert isinstance(network, Supernet)
    return network


def _attended(choice: ChoiceBlock, x: Tensor, pooled: Tensor) -> Tensor:
    return x * torch.sigmoid(choice.gate.attention(pooled))


class DynamicGraph(nn.Module):
    """A supernet that picks its path per image and budget, within the budget: gates, governor and both branches.

    A block runs if its gate says so and the governor allows it (DESIGN: governor). Batch norm is folded.

    Args:
        supernet: trained, or not.
        costs: of the device; their unit is the budget's.
        table: from budget to row of the cost constraint embedding.
        choose: how one of two branches is run.
    """

    def __init__(
        self, supernet: Supernet, costs: GovernorCosts, table: BudgetTable, choose: Choose = choose_in_graph
    ) -> None:
        super().__init__()
        self.network = _foldable(supernet)
        self.governor = Governor(costs, table)
        self.choose = choose

    def forward(self, image: Tensor, trimap: Tensor, budget: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return alpha, path and predicted cost.

        Args:
            image: float32[1, 3, H, W], RGB, 0..255.
            trimap: float32[1, 1, H, W], 0..255.
            budget: float32[1]. Below the shortest path's cost or not a number: as the shortest path's cost.

        Returns:
            Alpha float32[1, 1, H, W]; path float32[L], 1 run and 0 bypass; cost float32[1], more than the budget
            only if the budget was below the shortest path's cost.
        """
        return self.along(budget, lambda step: self.network.trunk(image, trimap, step))

    def along(self, budget: Tensor, trunk: Callable[[Step], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Run a trunk whose steps choose within the budget; return its alpha, the path and its cost."""
        limit = self.governor.clamp(budget)
        row = self.governor.select_row(limit) @ self.network.embedding.weight
        embedding = row.reshape(1, -1, 1, 1)
        spent = torch.zeros_like(budget) + self.governor.costs.fixed
        taken: list[Tensor] = []

        def step(index: int, x: Tensor) -> Tensor:
            nonlocal spent
            choice = self.network.choice(index)
            pooled = pool_globally(x)
            logits = choice.gate.logits(pooled, embedding)
            runs = torch.logical_and(logits[:, 1] > logits[:, 0], self.governor.allows(index, spent, limit))
            taken.append(runs.float())
            spent = self.governor.charge(index, spent, taken[-1])
            return self.choose(runs.reshape(()), choice.block, choice.connect, _attended(choice, x, pooled))

        alpha = trunk(step)
        return alpha, torch.cat(taken), spent


class ProbeGraph(nn.Module):
    """A supernet whose path is an input: how a device is measured. Without gates, as static graphs are."""

    def __init__(self, supernet: Supernet, choose: Choose = choose_in_graph) -> None:
        super().__init__()
        self.network = _foldable(supernet)
        self.choose = choose

    def forward(self, image: Tensor, trimap: Tensor, path: Tensor) -> Tensor:
        """Return alpha float32[1, 1, H, W]; ``path`` is float32[L], 1 run and 0 bypass (0.5 and more counts as 1)."""
        return self.network.trunk(image, trimap, self.follow(path))

    def follow(self, path: Tensor) -> Step:
        """Return a step that takes what ``path`` says."""

        def step(index: int, x: Tensor) -> Tensor:
            choice = self.network.choice(index)
            runs = path[index] >= 0.5
            return self.choose(runs, choice.block, choice.connect, _attended(choice, x, pool_globally(x)))

        return step


class ChannelsLastDynamicGraph(nn.Module):
    """A dynamic graph whose image, trimap and alpha are NHWC, LiteRT's layout; see ``ChannelsLastGraph``."""

    def __init__(self, graph: DynamicGraph) -> None:
        super().__init__()
        self.planar = graph

    def forward(self, image: Tensor, trimap: Tensor, budget: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return alpha float32[1, H, W, 1], path and cost from NHWC image and trimap; see ``DynamicGraph``."""
        network = self.planar.network
        return self.planar.along(budget, lambda step: channels_last_trunk(network, image, trimap, step))


class ChannelsLastProbeGraph(nn.Module):
    """A probe graph whose image, trimap and alpha are NHWC."""

    def __init__(self, graph: ProbeGraph) -> None:
        super().__init__()
        self.planar = graph

    def forward(self, image: Tensor, trimap: Tensor, path: Tensor) -> Tensor:
        """Return alpha float32[1, H, W, 1] from NHWC image and trimap; see ``ProbeGraph``."""
        return channels_last_trunk(self.planar.network, image, trimap, self.planar.follow(path))
