"""Layers that round as integer kernels do, written in the operators that the toolchains know as quantisation.

q = clamp(round(x / scale) + zero, -128, 127)        x' = (q - zero) * scale
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.ao.quantization.fx._decomposed  # registers the operators
from numpy.typing import NDArray
from torch import Tensor, nn

from pam_edge.quantisation.rounding import round_balanced

_LOWEST, _HIGHEST = -128, 127
_SMALLEST_SCALE = 2.0**-20
"""Of weights and features; half precision, in which Core ML computes, holds few numbers that are smaller."""

_ROUND_WITHIN = 0.15
"""Of a step: half precision, in which Core ML takes weights, moves them and the scale by 0.12 at the ends of a grid."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The values that eight bits can hold: ``(q - zero) * scale`` for q from -128 to 127."""

    scale: float
    zero: int

    @staticmethod
    def of(low: float, high: float) -> Grid:
        """Return the grid that covers a range and zero, which padding needs exactly."""
        low, high = min(low, 0.0), max(high, 0.0)
        scale = _as_half((high - low) / (_HIGHEST - _LOWEST))
        zero = round(_LOWEST - low / scale)
        return Grid(scale, max(_LOWEST, min(_HIGHEST, zero)))


class Store(nn.Module):
    """Features as eight bits hold them."""

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.grid = grid

    def forward(self, x: Tensor) -> Tensor:
        """Return float32 of the same shape, each value on the grid."""
        numbers = (self.grid.scale, self.grid.zero, _LOWEST, _HIGHEST, torch.int8)
        stored = torch.ops.quantized_decomposed.quantize_per_tensor(x, *numbers)
        result: Tensor = torch.ops.quantized_decomposed.dequantize_per_tensor(stored, *numbers)
        return result


class Then(nn.Module):
    """A layer of any number of inputs, and what becomes of its output."""

    def __init__(self, layer: nn.Module, store: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.store = store

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return what the layer gives, stored."""
        result: Tensor = self.store(self.layer(*inputs))
        return result


class Int8Conv(nn.Module):
    """A convolution whose weights are eight bits, with a scale for each output channel; the bias stays float32."""

    weight: Tensor
    scale: Tensor
    zero: Tensor

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        weight, scale = round_weights(conv.weight.detach())
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("zero", torch.zeros(len(scale), dtype=torch.int64))
        self.bias = conv.bias
        self.stride, self.padding, self.groups = conv.stride, conv.padding, conv.groups

    @property
    def numbers(self) -> tuple[Tensor, Tensor, int, int, int, torch.dtype]:
        """How the weights are quantised, as the operators take it."""
        return self.scale, self.zero, 0, -_HIGHEST, _HIGHEST, torch.int8

    def dequantised(self) -> Tensor:
        """Return the weights as float32[O, I, h, w]."""
        result: Tensor = torch.ops.quantized_decomposed.dequantize_per_channel(self.weight, *self.numbers)
        return result

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of float[N, C, H, W], in whose precision the bias is."""
        weight = self.dequantised().to(x.dtype)
        return nn.functional.conv2d(x, weight, self.bias, self.stride, self.padding, groups=self.groups)


def round_weights(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return int8[O, I, h, w] and float32[O], so that weights are near integers times the scale of their channel.

    The largest weight of a channel is 127 steps, so that a tool that looks for a grid of its own finds this one.
    """
    scale = (weight.abs().amax((1, 2, 3)) / _HIGHEST).clamp_min(_SMALLEST_SCALE)
    steps = (weight / scale[:, None, None, None]).double().numpy().reshape(len(weight), -1)
    whole = round_balanced(steps, np.arange(-_HIGHEST, _HIGHEST + 1.0))
    return torch.from_numpy(whole.reshape(weight.shape)).to(torch.int8), scale


def _as_half(scale: float) -> float:
    """Return the least number that is not smaller and that half precision holds."""
    half = np.float16(max(scale, _SMALLEST_SCALE))
    return float(half if half >= scale else np.nextafter(half, np.float16(np.inf)))


def are_round(weights: NDArray[np.floating], channel_axis: int = 0) -> bool:
    """Return whether weights lie on an eight-bit grid for each channel, as those that ``round_weights`` gives do.

    So a toolchain that stores weights is told which to store: those of parts that stay float lie on none. Channels of
    next to nothing lie on any.
    """
    by_channel = np.moveaxis(np.asarray(weights, np.float64), channel_axis, 0).reshape(weights.shape[channel_axis], -1)
    scale = np.abs(by_channel).max(1, keepdims=True) / _HIGHEST
    whole = by_channel / np.maximum(scale, _SMALLEST_SCALE)
    off = np.abs(whole - np.rint(whole)) * (scale > _SMALLEST_SCALE)
    return bool(off.max() < _ROUND_WITHIN)
