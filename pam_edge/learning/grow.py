"""Start a larger supernet from a smaller one's weights, so that it computes the same alphas before it learns more.

What the smaller one has is copied into the first channels. Weights by which they would hear new channels are zero, new
blocks start as identities, and everything else keeps its random start (function-preserving growth as in Chen et al.
2015, "Net2Net").
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pam_edge.errors import UsageError
from pam_edge.supernet.config import SupernetConfig
from pam_edge.supernet.network import Supernet

_OPEN = 6.0
"""Bias of a new block's channel attention: ``sigmoid(6)`` lets 99.8 % of a feature through."""


@torch.no_grad()
def grow(small: Supernet, large: Supernet) -> None:
    """Copy a supernet's weights into a larger one, in place.

    Args:
        small: trained.
        large: freshly initialised; at least as wide and as deep everywhere.

    Raises:
        UsageError: if ``small`` does not fit into ``large``.
    """
    _check_fit(small.config, large.config)
    names = {name: index for index, name in enumerate(large.config.block_names)}
    known = set(small.config.block_names)
    for index, name in enumerate(small.config.block_names):
        _copy(small.choice(index), large.choice(names[name]), {"gate.choice.0": _gate_parts(small, large, name)})
    for name, index in names.items():
        if name not in known:
            _make_identity(large.choice(index))
    for part in ("embedding", "stem", "downs", "laterals", "refine", "head"):
        _copy(getattr(small, part), getattr(large, part), {})
    _copy(small.pyramid, large.pyramid, {"fuse.0": _pyramid_parts(small, large)})


Parts = list[tuple[int, int]]
"""Sizes, in the small and in the large network, of the pieces that a convolution's input is concatenated of."""


def _check_fit(small: SupernetConfig, large: SupernetConfig) -> None:
    same = ("kernel_sizes", "expansion", "connect_reduction", "pyramid_pools", "budget_indices", "embedding_size")
    differ = [name for name in same if getattr(small, name) != getattr(large, name)]
    wider = [
        name
        for name in ("widths", "encoder_blocks", "decoder_blocks")
        if any(a > b for a, b in zip(getattr(small, name), getattr(large, name), strict=True))
    ]
    wider += [name for name in ("refine_width", "gate_hidden") if getattr(small, name) > getattr(large, name)]
    if differ or wider:
        raise UsageError(
            f"Expected initial weights of {large.name}, or of a smaller supernet that can grow into it; "
            f"{small.name} has another {' and another '.join(differ + wider)}. Name another checkpoint."
        )


def _gate_parts(small: Supernet, large: Supernet, block: str) -> Parts:
    few, many = (_outputs(net.choice(net.config.block_names.index(block)).gate.attention) for net in (small, large))
    return [(few, many), (small.config.embedding_size, large.config.embedding_size)]


def _pyramid_parts(small: Supernet, large: Supernet) -> Parts:
    few, many = (_outputs(net.pyramid.context[0]) for net in (small, large))
    return [(few, many)] * (small.config.pyramid_pools + 1)


def _outputs(convolution: nn.Module) -> int:
    assert isinstance(convolution, nn.Conv2d)
    return convolution.out_channels


def _copy(small: nn.Module, large: nn.Module, inputs: dict[str, Parts]) -> None:
    """Copy a module's tensors; ``inputs`` names the convolutions whose input is concatenated."""
    modules = dict(large.named_modules())
    for name, source in small.named_modules():
        target = modules[name]
        if isinstance(source, nn.Conv2d) and source.groups == 1:
            _copy_convolution(source, target, inputs.get(name, [(source.in_channels, target.in_channels)]))
        else:
            for own, value in [*source.named_parameters(recurse=False), *source.named_buffers(recurse=False)]:
                _first(getattr(target, own), value.shape).copy_(value)


def _copy_convolution(source: nn.Conv2d, target: nn.Module, parts: Parts) -> None:
    assert isinstance(target, nn.Conv2d)
    rows = source.out_channels
    target.weight[:rows].zero_()
    begin = start = 0
    for few, many in parts:
        target.weight[:rows, start : start + few] = source.weight[:, begin : begin + few]
        begin, start = begin + few, start + many
    if source.bias is not None and target.bias is not None:
        target.bias[:rows] = source.bias


def _first(tensor: Tensor, shape: torch.Size) -> Tensor:
    return tensor[tuple(slice(0, size) for size in shape)]


def _make_identity(choice: nn.Module) -> None:
    """Let a block and its bypass pass features on as they are."""
    assert isinstance(choice.gate, nn.Module)
    attention = choice.gate.attention
    assert isinstance(attention, nn.Conv2d) and attention.bias is not None
    nn.init.zeros_(attention.weight)
    nn.init.constant_(attention.bias, _OPEN)
    for branch in (choice.block, choice.connect):
        assert isinstance(branch, nn.Module)
        last = [module for module in branch.modules() if isinstance(module, nn.BatchNorm2d)][-1]
        nn.init.zeros_(last.weight)
