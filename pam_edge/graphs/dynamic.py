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
from pam_edge.terms import NO_PREVIOUS_BLOCK

Choose = Callable[[Tensor, nn.Module, nn.Module, Tensor, Tensor], Tensor]
"""Runs one of two modules on attended features: bool scalar, module if true, module if false, features float32[1, C, h,
w], attention float32[1, C, 1, 1]. A converter may have branches attend: features are then not written once more."""


def choose_eagerly(run: Tensor, block: nn.Module, connect: nn.Module, x: Tensor, attention: Tensor) -> Tensor:
    """Choose in Python: for running a graph in PyTorch. Converters put something else in its place."""
    result: Tensor = (block if bool(run) else connect)(x * attention)
    return result


def _attention(choice: ChoiceBlock, pooled: Tensor) -> Tensor:
    return torch.sigmoid(choice.gate.attention(pooled))


def _wish(choice: ChoiceBlock, pooled: Tensor, embedding: Tensor) -> Tensor:
    """Return float32[1], by how much a gate prefers to run: one number, so that no other leaves the delegate."""
    logits = choice.gate.logits(pooled, embedding)
    return (logits[:, 1:] - logits[:, :1]).reshape(1)


HYSTERESIS = 0.5
"""In a live graph a block keeps what the last frame's path did unless its gate prefers the other by more than this."""


def lean(previous_path: Tensor) -> Tensor:
    """Return float32[L], by how much each gate leans to what was taken for the last frame.

    Args:
        previous_path: float32[L], 1 ran and 0 bypassed; 0.5 leans to neither.
    """
    return (previous_path - NO_PREVIOUS_BLOCK) * (2.0 * HYSTERESIS)


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
        self, supernet: Supernet, costs: GovernorCosts, table: BudgetTable, choose: Choose = choose_eagerly
    ) -> None:
        super().__init__()
        self.network = fold_batch_norm(supernet)
        self.governor = Governor(costs, table)
        self.choose = choose

    def forward(
        self, image: Tensor, trimap: Tensor, budget: Tensor, previous_path: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return alpha, path and predicted cost.

        Args:
            image: float32[1, 3, H, W], RGB, 0..255.
            trimap: float32[1, 1, H, W], 0..255.
            budget: float32[1]. Below the shortest path's cost or not a number: as the shortest path's cost.
            previous_path: float32[L], that was taken for the last frame; see ``lean``. None for pictures.

        Returns:
            Alpha float32[1, 1, H, W]; path float32[L], 1 run and 0 bypass; cost float32[1], more than the budget
            only if the budget was below the shortest path's cost.
        """
        return self.along(budget, previous_path, lambda step: self.network.trunk(image, trimap, step))

    def along(
        self, budget: Tensor, previous_path: Tensor | None, trunk: Callable[[Step], Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run a trunk whose steps choose within the budget; return its alpha, the path and its cost."""
        leaning = None if previous_path is None else lean(previous_path)
        limit = self.governor.clamp(budget)
        row = self.governor.select_row(limit) @ self.network.embedding.weight
        embedding = row.reshape(1, -1, 1, 1)
        spent = torch.zeros_like(budget) + self.governor.costs.fixed
        taken: list[Tensor] = []

        def step(index: int, x: Tensor) -> Tensor:
            nonlocal spent
            choice = self.network.choice(index)
            pooled = pool_globally(x)
            wish = _wish(choice, pooled, embedding)
            if leaning is not None:
                wish = wish + leaning[index : index + 1]
            runs = torch.logical_and(wish > 0.0, self.governor.allows(index, spent, limit))
            taken.append(runs.float())
            spent = self.governor.charge(index, spent, taken[-1])
            chosen = self.choose(runs.reshape(()), choice.block, choice.connect, x, _attention(choice, pooled))
            result: Tensor = choice.stored(chosen)
            return result

        alpha = trunk(step)
        return alpha, torch.cat(taken), spent


class ProbeGraph(nn.Module):
    """A supernet whose path is an input: how a device is measured.

    Gates are computed as in the dynamic graph, whose costs a profile of it tells; they decide nothing.
    """

    def __init__(self, supernet: Supernet, choose: Choose = choose_eagerly) -> None:
        super().__init__()
        self.network = fold_batch_norm(supernet)
        self.choose = choose

    def forward(self, image: Tensor, trimap: Tensor, path: Tensor) -> tuple[Tensor, Tensor]:
        """Return alpha float32[1, 1, H, W], and what the gates would say: float32[L], above zero to run.

        Args:
            image: as of ``DynamicGraph``.
            trimap: likewise.
            path: float32[L], 1 run and 0 bypass (0.5 and more counts as 1).
        """
        return self.along(path, lambda step: self.network.trunk(image, trimap, step))

    def along(self, path: Tensor, trunk: Callable[[Step], Tensor]) -> tuple[Tensor, Tensor]:
        """Run a trunk whose steps take what ``path`` says; return its alpha and the gates' wishes."""
        embedding = self.network.embedding.weight[-1].reshape(1, -1, 1, 1)
        wishes: list[Tensor] = []

        def step(index: int, x: Tensor) -> Tensor:
            choice = self.network.choice(index)
            pooled = pool_globally(x)
            wishes.append(_wish(choice, pooled, embedding))
            chosen = self.choose(path[index] >= 0.5, choice.block, choice.connect, x, _attention(choice, pooled))
            result: Tensor = choice.stored(chosen)
            return result

        alpha = trunk(step)
        return alpha, torch.cat(wishes)


class ChannelsLastDynamicGraph(nn.Module):
    """A dynamic graph whose image, trimap and alpha are NHWC, LiteRT's layout; see ``ChannelsLastGraph``."""

    def __init__(self, graph: DynamicGraph) -> None:
        super().__init__()
        self.planar = graph

    def forward(
        self, image: Tensor, trimap: Tensor, budget: Tensor, previous_path: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return alpha float32[1, H, W, 1], path and cost from NHWC image and trimap; see ``DynamicGraph``."""
        network = self.planar.network
        return self.planar.along(budget, previous_path, lambda step: channels_last_trunk(network, image, trimap, step))


class ChannelsLastProbeGraph(nn.Module):
    """A probe graph whose image, trimap and alpha are NHWC."""

    def __init__(self, graph: ProbeGraph) -> None:
        super().__init__()
        self.planar = graph

    def forward(self, image: Tensor, trimap: Tensor, path: Tensor) -> tuple[Tensor, Tensor]:
        """Return alpha float32[1, H, W, 1] and the gates' wishes from NHWC image and trimap; see ``ProbeGraph``."""
        network = self.planar.network
        return self.planar.along(path, lambda step: channels_last_trunk(network, image, trimap, step))
