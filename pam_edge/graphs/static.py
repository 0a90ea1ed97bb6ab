"""The deployable graph of one fixed path."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pam_edge.graphs.fold import fold_batch_norm
from pam_edge.supernet.blocks import ChoiceBlock
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec


class _Taken(nn.Module):
    """A choice block whose choice is made: the channel attention, and the branch that was taken."""

    def __init__(self, choice: ChoiceBlock, run: bool) -> None:
        super().__init__()
        self.attention = choice.gate.attention
        self.branch = choice.block if run else choice.connect

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean((2, 3), keepdim=True)
        result: Tensor = self.branch(x * torch.sigmoid(self.attention(pooled)))
        return result


class StaticGraph(nn.Module):
    """One path of a supernet as a plain network: no gates, no unused branches, batch norm folded.

    Computes what ``supernet(image, trimap, path=path).alpha`` computes, to float32 rounding.
    """

    def __init__(self, supernet: Supernet, path: PathSpec) -> None:
        super().__init__()
        self.path = path
        network = fold_batch_norm(supernet)
        assert isinstance(network, Supernet)
        taken = (_Taken(network.choice(index), run) for index, run in enumerate(path.runs))
        network.blocks = nn.ModuleList(taken)
        del network.embedding
        self.network = network

    def forward(self, image: Tensor, trimap: Tensor) -> Tensor:
        """Return alpha float32[N, 1, H, W] from image float32[N, 3, H, W] and trimap float32[N, 1, H, W], 0..255."""
        return self.network.trunk(image, trimap, lambda index, x: self.network.blocks[index](x))

    def block_outputs(self, image: Tensor, trimap: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return alpha and the output of every choice block, to find where another runtime starts to differ."""
        outputs: list[Tensor] = []

        def step(index: int, x: Tensor) -> Tensor:
            outputs.append(self.network.blocks[index](x))
            return outputs[-1]

        return self.network.trunk(image, trimap, step), outputs
