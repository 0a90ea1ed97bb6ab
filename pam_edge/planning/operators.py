"""What each operator of a supernet computes and moves, by the part of the network it belongs to.

The network runs once on shapes alone. Convention, as a compiler for accelerators executes it: batch norm is folded
into the convolution before it; activations and elementwise operators are fused into the operator that makes one of
their inputs, so that only their other inputs are read; parts of a concatenation are written in place; views cost
nothing. Every other operator reads its inputs and weights once and writes its output once. (XNNPACK fuses less, but
on a CPU arithmetic takes the longer part of the time.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload, OpOverloadPacket
from torch.utils._python_dispatch import TorchDispatchMode

from pam_edge.errors import ProfileError
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
        # fused into the operator before
        _aten.relu, _aten.relu_, _aten.sigmoid,
    }
)  # fmt: skip


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
        if packet not in _FREE:
            self.current.append(_count(packet, args, result))
        return result


def _count(packet: OpOverloadPacket[..., Any], args: tuple[Any, ...], output: Any) -> Operator:
    if packet not in _COUNTED:
        raise ProfileError(
            f"Expected operators whose arithmetic and memory traffic an estimate knows "
            f"({', '.join(sorted(each.__name__ for each in _COUNTED))}); the network has {packet.__name__}. Say in "
            "pam_edge/planning/operators.py what it computes and moves, or use a measured profile."
        )
    return _COUNTED[packet](packet.__name__, args, output)


def _convolution(name: str, args: tuple[Any, ...], output: Tensor) -> Operator:
    source, weight = args[:2]
    macs = output.shape[0] * output.shape[2] * output.shape[3] * weight.numel()
    return Operator(name, macs, source.numel() + output.numel(), weight.numel() + output.shape[1])


def _fused(name: str, args: tuple[Any, ...], output: Tensor) -> Operator:
    inputs = _elements(args)
    return Operator(name, 0, sum(inputs) - max(inputs), 0)


def _unfused(name: str, args: tuple[Any, ...], output: Tensor) -> Operator:
    return Operator(name, 0, sum(_elements(args)) + output.numel(), 0)


def _pooled(name: str, args: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> Operator:
    return _unfused(name, args, output[0])  # the indices are for training


def _elements(args: tuple[Any, ...]) -> list[int]:
    tensors = [t for arg in args for t in (arg if isinstance(arg, list | tuple) else [arg]) if isinstance(t, Tensor)]
    return [tensor.numel() for tensor in tensors]


_COUNTED: Mapping[OpOverloadPacket[..., Any], Callable[[str, tuple[Any, ...], Any], Operator]] = {
    _aten.convolution: _convolution,
    **dict.fromkeys(
        (_aten.add, _aten.sub, _aten.rsub, _aten.mul, _aten.div, _aten.clamp, _aten.floor, _aten.minimum), _fused
    ),
    **dict.fromkeys((_aten.avg_pool2d, _aten.clone, _aten.maximum, _aten.mean, _aten.upsample_bilinear2d), _unfused),
    _aten.max_pool2d_with_indices: _pooled,
}
"""What is counted, and how; an operator that is neither here nor free is refused, and never counted as nothing."""


@lru_cache(maxsize=64)
def list_operators(config: SupernetConfig, height: int, width: int) -> OperatorTable:
    """Return the operators of one image of a given size (walked once per configuration and size).

    Raises:
        ProfileError: if the network has an operator of which nobody said what it computes and moves.
    """
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
