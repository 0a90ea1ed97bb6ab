"""Weights of eight bits in a program: integers with a scale for each channel, made float where they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
from coreai._compiler.dialects import coreai
from coreai_torch import TorchConverter
from torch import nn

from pam_edge.quantisation.layers import Int8Conv, are_round

_DEQUANTISE = "quantized_decomposed::dequantize_per_channel.default"


def store_in_eight_bits(network: nn.Module) -> None:
    """Put convolutions whose weights are integers in the place of those whose weights have an eight-bit grid."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Conv2d) and are_round(child.weight.detach().numpy()):
                setattr(parent, name, Int8Conv(child))


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
