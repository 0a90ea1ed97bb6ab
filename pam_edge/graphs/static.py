"""The deployable graph of one fixed path."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from pam_edge.graphs.fold import fold_batch_norm
from pam_edge.supernet.blocks import ChoiceBlock, pool_globally
from pam_edge.supernet.config import STRIDES
from pam_edge.supernet.network import Step, Supernet, compose_alpha, split_trimap
from pam_edge.supernet.path import PathSpec


class Taken(nn.Module):
    """A choice block whose choice is made: the channel attention, and the branch that was taken."""

    def __init__(self, choice: ChoiceBlock, run: bool) -> None:
        super().__init__()
        self.attention = choice.gate.attention
        self.branch = choice.block if run else choice.connect

    def forward(self, x: Tensor) -> Tensor:
        """Return what the branch makes of attended features, a tensor of the input's shape."""
        result: Tensor = self.branch(x * torch.sigmoid(self.attention(pool_globally(x))))
        return result


class StaticGraph(nn.Module):
    """One path of a supernet as a plain network: no gates, no unused branches, batch norm folded.

    Computes what ``supernet(image, trimap, path=path).alpha`` computes, to float32 rounding.
    """

    def __init__(self, supernet: Supernet, path: PathSpec) -> None:
        super().__init__()
        self.path = path
        network = fold_batch_norm(supernet)
        taken = (Taken(network.choice(index), run) for index, run in enumerate(path.runs))
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
        return channels_last_trunk(self.planar.network, image, trimap, self.planar.step)


def channels_last_trunk(network: Supernet, image: Tensor, trimap: Tensor, step: Step) -> Tensor:
    """Compute what ``network.trunk`` does with image, trimap and alpha in NHWC.

    What reads the trimap last waits for the raw alpha by a zero that is made of it: LiteRT would compute alpha's limits
    first, since they need nothing else, and keep them while the network runs.
    """
    normalised = (image - network.image_mean.flatten()) / network.image_std.flatten()
    inputs = torch.cat([normalised, split_trimap(trimap, -1)], -1).permute(0, 3, 1, 2)
    raw = network.body(inputs, step).permute(0, 2, 3, 1)
    zero = torch.clamp(raw[:, :1, :1], 0.0, 0.0)
    return compose_alpha(raw, trimap + zero)


def stage_outputs(graph: StaticGraph, image: Tensor, trimap: Tensor) -> list[tuple[str, Tensor]]:
    """Run a graph and return what its parts compute, by name, in the order in which they ran.

    Parts are choice blocks, such as ``enc8.1``, and fixed ones, such as ``stem`` or ``lateral16``.
    """
    stages: list[tuple[str, Tensor]] = []

    def watch(name: str, part: nn.Module) -> RemovableHandle:
        return part.register_forward_hook(lambda _, __, output: stages.append((name, output)))

    handles = [watch(name, part) for name, part in parts(graph.network)]
    try:
        graph(image, trimap)
    finally:
        for handle in handles:
            handle.remove()
    return stages


def stage_weights(graph: StaticGraph) -> dict[str, tuple[Tensor, ...]]:
    """Return the folded weights and biases of a graph's parts as convolutions hold them; of int8 the integers alone."""
    return {
        name: tuple(each for module in part.modules() for each in _weights(module))
        for name, part in parts(graph.network)
    }


def _weights(module: nn.Module) -> list[Tensor]:
    integers = [each for name, each in module.named_buffers(recurse=False) if name == "weight"]
    return integers or list(module.parameters(recurse=False))


def layer_outputs(graph: StaticGraph, image: Tensor, trimap: Tensor) -> list[tuple[str, Tensor]]:
    """Run a graph and return what enters and leaves each of its modules, each tensor once, in order of execution."""
    found: list[tuple[str, Tensor]] = []

    def keep(name: str, value: object) -> None:
        if isinstance(value, Tensor) and not any(value is known for _, known in found):
            found.append((name, value))

    def watch(name: str, module: nn.Module) -> Iterator[RemovableHandle]:
        yield module.register_forward_pre_hook(lambda _, inputs: keep(f"input of {name}", inputs[0]))
        yield module.register_forward_hook(lambda _, __, output: keep(f"output of {name}", output))

    handles = [handle for name, module in graph.named_modules() if name for handle in watch(name, module)]
    try:
        graph(image, trimap)
    finally:
        for handle in handles:
            handle.remove()
    return found


def parts(network: Supernet) -> Iterator[tuple[str, nn.Module]]:
    """Return the parts of a graph's network by name, in order: choice blocks, such as ``enc8.1``, and fixed ones."""
    yield "stem", network.stem
    yield from ((f"down{stride}", part) for stride, part in zip(STRIDES[1:], network.downs, strict=True))
    yield from zip(network.config.block_names, network.blocks, strict=True)
    yield "pyramid", network.pyramid
    yield from ((f"lateral{stride}", part) for stride, part in zip(STRIDES[-2::-1], network.laterals, strict=True))
    yield "refine", network.refine
    yield "head", network.head
