"""Weights of eight bits or of palettes in a program, made float where they are used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from coreai._compiler.dialects import coreai
from coreai_torch import TorchConverter
from coreai_torch._compression.custom_layers import lut_to_dense
from numpy.typing import NDArray
from torch import Tensor, nn

from pam_edge.quantisation.layers import Int8Conv, are_round
from pam_edge.quantisation.palettes import PALETTE_VALUES, are_palettised, group_size
from pam_edge.terms import Precision

_SMALLEST_WEIGHT = 512
"""Numbers that a weight has at least to be worth palettes."""

_DEQUANTISE = "quantized_decomposed::dequantize_per_channel.default"


def store_weights(network: nn.Module, precision: Precision) -> None:
    """Put convolutions that store weights as a precision says in the place of those whose weights have its values."""
    known: dict[Precision, tuple[Callable[[NDArray[np.float32]], bool], Callable[[nn.Conv2d], nn.Module]]] = {
        Precision.W8: (are_round, Int8Conv),
        Precision.W6: (_are_worth_palettes, _PaletteConv),
    }
    if precision not in known:
        return
    are_stored, stored = known[precision]
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Conv2d) and are_stored(child.weight.detach().numpy()):
                setattr(parent, name, stored(child))


def _are_worth_palettes(weight: NDArray[np.float32]) -> bool:
    return weight.size >= _SMALLEST_WEIGHT and are_palettised(weight)


class _PaletteConv(nn.Module):
    """A convolution whose weights are places in a palette of half-precision numbers, one for each group of channels."""

    indices: Tensor  # named as coreai-torch finds them
    lut: Tensor

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        weight = conv.weight.detach().half().numpy()
        groups = np.split(weight, len(weight) // group_size(len(weight)))
        found = [np.unique(group, return_inverse=True) for group in groups]
        places = np.concatenate([place.reshape(group.shape) for group, (_, place) in zip(groups, found, strict=True)])
        palettes = np.stack([np.pad(values, (0, PALETTE_VALUES - len(values)), "edge") for values, _ in found])
        self.register_buffer("indices", torch.from_numpy(places).to(torch.uint8))
        self.register_buffer("lut", torch.from_numpy(palettes[:, None, None, None, :, None]))
        self.bias = conv.bias
        self.stride, self.padding, self.groups = conv.stride, conv.padding, conv.groups

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of half[N, C, H, W]."""
        weight = lut_to_dense(self.indices, self.lut, 0)
        return nn.functional.conv2d(x, weight.to(x.dtype), self.bias, self.stride, self.padding, groups=self.groups)


def register_dequantisation(converter: TorchConverter) -> None:
    """Let a converter know PyTorch's operator for weights with a scale for each channel."""
    converter.register_torch_lowering(_DEQUANTISE)(_dequantise)


def _dequantise(values: dict[str, Any], node: Any, location: Any) -> Any:
    """Return ``(weight - zero) * scale``, of which zero is zero: see ``Int8Conv``."""
    weight, scale = (values[argument.name] for argument in node.args[:2])
    channels = scale.type.shape
    zero = coreai.constant(np.zeros(channels, np.int8), loc=location)
    nothing = coreai.constant(np.zeros(channels, np.float32), loc=location)
    axis = coreai.constant(np.array(node.args[3], np.int32), loc=location)
    return coreai.dequantize(weight, scale, zero, nothing, axis, loc=location)
