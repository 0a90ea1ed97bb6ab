"""Cross-layer equalisation: the channels between two convolutions brought to one scale, which changes no result.

A channel between two convolutions may be divided by any positive number, if the weights that read it are multiplied by
it; a ReLU in between does not mind. Eight bits then serve all channels alike, not the largest alone (Nagel et al.,
"Data-Free Quantization Through Weight Equalization and Bias Correction", 2019).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from pam_edge.graphs.fold import fold_batch_norm
from pam_edge.quantisation.network import flat_layers
from pam_edge.supernet.network import Supernet

_BRANCH = ".branch"
"""How names of chains end whose inner channels nothing else reads."""

_LARGEST_FACTOR = 100.0
"""By which a channel is scaled, or divided."""


def equalise(supernet: Supernet) -> Supernet:
    """Return a copy, batch norm folded, that computes the same, its branches' inner channels equally large."""
    network = fold_batch_norm(supernet)
    for name, branch in network.named_modules():
        if name.endswith(_BRANCH) and isinstance(branch, nn.Sequential):
            convs = [layer for layer in flat_layers(branch) if isinstance(layer, nn.Conv2d)]
            for first, second in pairwise(convs):
                _equalise(first, second)
    return network


@torch.no_grad()
def _equalise(first: nn.Conv2d, second: nn.Conv2d) -> None:
    """Scale in place: of each channel in between, the largest weight that makes it and that reads it become equal."""
    factors = (_largest(first.weight, (1, 2, 3)) / _largest(second.weight, (0, 2, 3))).sqrt()
    factors = factors.nan_to_num(1.0).clamp(1 / _LARGEST_FACTOR, _LARGEST_FACTOR)
    first.weight /= factors[:, None, None, None]
    assert first.bias is not None, "batch norm is folded"
    first.bias /= factors
    second.weight *= factors[:, None, None]


def _largest(weight: Tensor, dims: tuple[int, ...]) -> Tensor:
    return weight.abs().amax(dims)
