"""What each operator of a supernet computes and moves, by the part of the network it belongs to.

The network runs once on shapes alone. Convention, as a compiler for accelerators executes it: batch norm is folded
into the convolution before it; activations and elementwise operators are fused into the operator that makes one of
their inputs, so that only their other inputs are read; parts of a concatenation are written in place; views cost
nothing. Every other operator reads its inputs and weights once and writes its output once. (XNNPACK fuses less, but
on a CPU arithmetic takes the longer part of the time.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from pam_edge.supernet.config import SupernetConfig
from pam_edge.supernet.macs import shapes_alone

_aten = torch.ops.aten
_FREE = frozenset(
    {
        # views
        _aten.alias, _aten.detach, _aten.expand, _aten.permute, _aten.slice, _aten.squeeze, _aten.t, _aten.unsqueeze,
        _aten.view, _aten._unsafe_view, _aten.lift_fresh,
        # written in place by what makes the parts; allocated by an operator that is counted itself
        _aten.cat, _aten.empty,
        # folded into the convolution before, or fused into the operator before
        _aten.native_batch_norm, _aten._native_batch_norm_legit_no_training, _aten.relu, _aten.relu_, _aten.sigmoid,
    }
)  # fmt: skip
_ELEMENTWISE = frozenset({"add", "sub", "rsub", "mul", "div", "clamp", "floor", "minimum"})


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: multiply-accumulates, activations read and written, and weights read (both in elements)."""

    name: str
    macs: int
    activations: int
    weights: int


@dataclass(frozen=True, slots=True)
class OperatorTable:
    """Operators of a static path: fixed part (channel attention included), and each block's run and bypass."""

    fixed: tuple[Operator, ...]
    run: tuple[tuple[Operator, ...], ...]
    bypass: tuple[tuple[Operator, ...], ...]


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Append every operator that runs to the list that is current."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.current: list[Operator] = []

    def __torch_dispatch__(
        self,
        func: OpOverload[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        result = func(*args, **(kwargs or {}))
        packet = func.overloadpacket
        if packet not in _FREE and isinstance(result, Tensor):
            self.current.append(_describe(packet.__name__, args, result))
        return result


def _describe(name: str, args: tuple[Any, ...], output: Tensor) -> Operator:
    tensors = [t for arg in args for t in (arg if isinstance(arg, list | tuple) else [arg]) if isinstance(t, Tensor)]
    if name == "convolution":
        weight = args[1]
        macs = output.shape[0] * output.shape[2] * output.shape[3] * weight.numel()
        return Operator(name, macs, args[0].numel() + output.numel(), weight.numel() + output.shape[1])
    inputs = [tensor.numel() for tensor in tensors]
    if name in _ELEMENTWISE:
        return Operator(name, 0, sum(inputs) - max(inputs), 0)
    return Operator(name, 0, sum(inputs) + output.numel(), 0)


@lru_cache(maxsize=64)
def list_operators(config: SupernetConfig, height: int, width: int) -> OperatorTable:
    """Return the operators of one image of a given size (walked once per configuration and size)."""
    network = shapes_alone(config)
    recorder = _Recorder()
    fixed = recorder.current
    run: list[list[Operator]] = [[] for _ in range(config.block_count)]
    bypass: list[list[Operator]] = [[] for _ in range(config.block_count)]

    def visit(index: int, x: Tensor) -> Tensor:
        choice = network.choice(index)
        attended, _ = choice.gate.attend(x)
        recorder.current = bypass[index]
        choice.take(attended, run=False)
        recorder.current = run[index]
        result = choice.take(attended, run=True)
        recorder.current = fixed
        return result

    image, trimap = torch.empty(1, 3, height, width, device="meta"), torch.empty(1, 1, height, width, device="meta")
    with torch.no_grad(), recorder:
        network.trunk(image, trimap, visit)
    return OperatorTable(tuple(fixed), tuple(map(tuple, run)), tuple(map(tuple, bypass)))
