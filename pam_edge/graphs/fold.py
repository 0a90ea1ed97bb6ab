"""Fold batch norm into the convolution before it, so that exported graphs hold one operator instead of two."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_Network = TypeVar("_Network", bound=nn.Module)


def fold_batch_norm(module: _Network) -> _Network:
    """Return a copy of ``module`` in evaluation mode in which every ``Sequential(conv, bn, ...)`` is ``(conv, ...)``.

    before: conv -> bn -> relu        after: conv' -> relu, with conv' holding the scaled weights and a bias.
    """
    folded = copy.deepcopy(module).eval()
    for parent in list(folded.modules()):
        if isinstance(parent, nn.Sequential):
            _fold_pairs(parent)
    return folded


def _fold_pairs(sequence: nn.Sequential) -> None:
    layers = list(sequence)
    merged: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d) and merged and isinstance(merged[-1], nn.Conv2d):
            merged[-1] = fuse_conv_bn_eval(merged[-1], layer)
        else:
            merged.append(layer)
    for index in range(len(layers)):
        del sequence[len(layers) - 1 - index]
    sequence.extend(merged)
