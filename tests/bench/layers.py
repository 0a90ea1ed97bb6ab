"""The convolutions of a network in the order in which they run, with their shapes and multiply-accumulates."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Convolution:
    """One convolution on one image; ``height`` and ``width`` are those of its input."""

    inputs: int
    outputs: int
    kernel: int
    stride: int
    padding: int
    groups: int
    height: int
    width: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates: output pixels times weights, nothing for bias and padding (as ``supernet.macs``)."""
        pixels = (self.height // self.stride) * (self.width // self.stride)
        return pixels * self.outputs * self.inputs // self.groups * self.kernel**2

    @property
    def operator_class(self) -> str:
        """The class under which its time is summed."""
        if self.groups > 1:
            return f"depthwise {self.kernel}x{self.kernel}"
        if self.kernel > 1:
            return f"convolution {self.kernel}x{self.kernel}, stride {self.stride}"
        return "pointwise on pooled vectors" if self.height * self.width == 1 else "pointwise"

    @property
    def description(self) -> str:
        """Shape in words, such as ``48 to 48 channels at 128x128``."""
        return f"{self.inputs} to {self.outputs} channels at {self.height}x{self.width}"

    def module(self) -> nn.Conv2d:
        """Return a convolution of this shape with random weights and a bias."""
        return nn.Conv2d(
            self.inputs, self.outputs, self.kernel, stride=self.stride, padding=self.padding, groups=self.groups
        )

    def example(self) -> Tensor:
        """Return an input, float32[1, C, H, W] in [0, 1)."""
        return torch.rand(1, self.inputs, self.height, self.width)

    def as_json(self) -> dict[str, Any]:
        """Return the fields, for another process."""
        return asdict(self)


def trace_convolutions(graph: nn.Module, size: int) -> list[Convolution]:
    """Run ``graph`` once on shapes alone and list its convolutions in execution order."""
    found: list[Convolution] = []

    def record(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d) and isinstance(module.padding, tuple)
        _, channels, height, width = inputs[0].shape
        kernel, stride, padding = module.kernel_size[0], module.stride[0], module.padding[0]
        groups = module.groups
        found.append(Convolution(channels, output.shape[1], kernel, stride, padding, groups, height, width))

    for module in graph.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(record)
    with torch.no_grad():
        device = torch.device("meta")
        graph.to(device)(torch.empty(1, 3, size, size, device=device), torch.empty(1, 1, size, size, device=device))
    return found
