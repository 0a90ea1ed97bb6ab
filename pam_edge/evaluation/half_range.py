"""How near a network comes to the largest number of half precision, part by part and operation by operation.

An accelerator that computes in half precision may add up in it as well, in an order of its own. So of whatever adds up,
the sum of magnitudes counts, which no partial sum in any order exceeds: a mean may overflow whose result is small.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload, OpOverloadPacket
from torch.utils._python_dispatch import TorchDispatchMode

from pam_edge.evaluation.parity import to_tensors
from pam_edge.evaluation.pictures import Picture
from pam_edge.graphs.static import StaticGraph, parts
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec

LARGEST_HALF = float(torch.finfo(torch.float16).max)
ROOM = 4
"""How many times an operation has to stay below the largest number: other pictures than those tried go further."""

_OUTSIDE = "preparation and composition"
_aten = torch.ops.aten


@dataclass(frozen=True, slots=True)
class HalfRange:
    """One kind of operation in one part of the network.

    Attributes:
        part: choice block, such as ``enc8.1``, or fixed part, such as ``stem``.
        operation: PyTorch's name for it.
        largest: magnitude that it gave; infinity if something was no number.
        largest_sum: sum of magnitudes that went into one of its numbers, where it adds up; else as ``largest``.
        picture: that gave the largest sum.
    """

    part: str
    operation: str
    largest: float
    largest_sum: float
    picture: str

    @property
    def room(self) -> float:
        """How many times larger its numbers might be before half precision has none for them."""
        return LARGEST_HALF / max(self.largest, self.largest_sum, 1.0)

    @property
    def is_near(self) -> bool:
        """Whether it may overflow, or nearly does."""
        return self.room < ROOM


def find_half_ranges(supernet: Supernet, paths: Iterable[PathSpec], pictures: Sequence[Picture]) -> list[HalfRange]:
    """Return the largest numbers of each operation along paths, in float32; those with the least room first."""
    watch = _Watch()
    for path in paths:
        graph = StaticGraph(supernet, path)
        with ExitStack() as hooks, torch.no_grad():
            for name, part in parts(graph.network):
                hooks.callback(part.register_forward_pre_hook(watch.entering(name)).remove)
                hooks.callback(part.register_forward_hook(watch.leaving()).remove)
            for picture in pictures:
                watch.picture = picture.name
                with watch:
                    graph(*to_tensors(picture))
    return sorted(watch.found.values(), key=lambda found: found.room)


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keep the largest numbers of every operation, by the part of the network that is running."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.part, self.picture = _OUTSIDE, ""
        self.found: dict[tuple[str, str], HalfRange] = {}

    def entering(self, name: str) -> Callable[..., None]:
        """Return a hook for before a part runs."""
        return lambda *_: setattr(self, "part", name)

    def leaving(self) -> Callable[..., None]:
        """Return a hook for after a part ran."""
        return lambda *_: setattr(self, "part", _OUTSIDE)

    def __torch_dispatch__(
        self,
        func: OpOverload[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.is_floating_point() and result.numel():
            largest = _largest(result)
            sums = _SUMS.get(func.overloadpacket)
            self._keep(func.overloadpacket.__name__, largest, _largest(sums(*args)) if sums else largest)
        return result

    def _keep(self, operation: str, largest: float, largest_sum: float) -> None:
        key = (self.part, operation)
        before = self.found.get(key)
        if before is None:
            self.found[key] = HalfRange(*key, largest, largest_sum, self.picture)
            return
        picture = self.picture if largest_sum > before.largest_sum else before.picture
        self.found[key] = HalfRange(*key, max(before.largest, largest), max(before.largest_sum, largest_sum), picture)


def _largest(values: Tensor) -> float:
    """Return the largest magnitude; infinity where something is no number."""
    largest = float(values.abs().max())
    return math.inf if math.isnan(largest) else largest


def _of_convolution(x: Tensor, weight: Tensor, bias: Tensor | None, *how: Any) -> Tensor:
    total: Tensor = _aten.convolution(x.abs(), weight.abs(), None if bias is None else bias.abs(), *how)
    return total


def _of_mean(x: Tensor, dimensions: list[int], *_: Any) -> Tensor:
    return x.abs().sum(dimensions)


def _of_pooling(x: Tensor, kernel: list[int], *how: Any) -> Tensor:
    mean: Tensor = _aten.avg_pool2d(x.abs(), kernel, *how)
    return mean * (kernel[0] * kernel[-1])


_SUMS: Mapping[OpOverloadPacket[..., Any], Callable[..., Tensor]] = {
    _aten.convolution: _of_convolution,
    _aten.mean: _of_mean,
    _aten.sum: _of_mean,
    _aten.avg_pool2d: _of_pooling,
}
"""What adds up, and the sum of magnitudes that goes into each of its numbers."""
