"""The deployable graph of one fixed path."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pam_edge.graphs.fold import fold_batch_norm
from pam_edge.supernet.blocks import ChoiceBlock
from pam_edge.supernet.network import Supernet, compose_alpha, split_trimap
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

    def step(self, index: int, x: Tensor) -> Tensor:
        """Compute choice block ``index`` of this path."""
        result: Tensor = self.network.blocks[index](x)
        return result

    def forward(self, image: Tensor, trimap: Tensor) -> Tensor:
        """Return alpha float32[N, 1, H, W] from image float32[N, 3, H, W] and trimap float32[N, 1, H, W], 0..255."""
        return self.network.trunk(image, trimap, self.step)


class ChannelsLastGraph(nn.Module):
    """A static graph whose inputs and output are NHWC, LiteRT's layout.

    Input preparation is written in NHWC as well, so that one transpose each remains at the network's two ends; the
    converter then turns the network itself to NHWC and removes them.
    """

    def __init__(self, graph: StaticGraph) -> None:
        super().__init__()
        self.planar = graph

    def forward(self, image: Tensor, trimap: Tensor) -> Tensor:
        """Return alpha float32[N, H, W, 1] from image float32[N, H, W, 3] and trimap float32[N, H, W, 1], 0..255."""
        network = self.planar.network
        regions = split_trimap(trimap, -1)
        normalised = (image - network.image_mean.flatten()) / network.image_std.flatten()
        inputs = torch.cat([normalised, regions], -1).permute(0, 3, 1, 2)
        raw = network.body(inputs, self.planar.step).permute(0, 2, 3, 1)
        return compose_alpha(raw, regions[..., 1:2], regions[..., 2:3])


def block_outputs(graph: StaticGraph, image: Tensor, trimap: Tensor) -> list[Tensor]:
    """Return the output of every choice block, float32[N, C, h, w] each, to find where a runtime starts to differ."""
    outputs: list[Tensor] = []

    def step(index: int, x: Tensor) -> Tensor:
        outputs.append(graph.step(index, x))
        return outputs[-1]

    graph.network.trunk(image, trimap, step)
    return outputs
