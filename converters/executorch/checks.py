"""Refuse graphs that would leave real work to portable kernels."""

from __future__ import annotations

import operator

import torch
from executorch.exir.delegate import executorch_call_delegate
from executorch.exir.graph_module import get_control_flow_submodules
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node

from pam_edge.errors import UnsupportedOpError

_FEW = 256
"""Numbers that an operator outside of the delegate may make: budgets, paths and gates have fewer, features more."""


def check_one_partition(program: ExportedProgram, method: str) -> None:
    """Check that a method is one delegate call and nothing else.

    Raises:
        UnsupportedOpError: if it is not.
    """
    delegated, left = _calls(program.graph_module)
    if len(delegated) != 1 or left:
        raise UnsupportedOpError(
            f"ExecuTorch method {method!r}: expected one XNNPACK partition and nothing else, found {len(delegated)} "
            f"partitions and the operators {_names(left) or 'none'} outside. Report it: the graph holds only operators "
            "that XNNPACK took when this was written."
        )


def check_choices(program: ExportedProgram, method: str) -> None:
    """Check that each branch is one delegate call, and all else outside is small.

    Raises:
        UnsupportedOpError: if operators on features are outside of the delegate.
    """
    for name, branch, _ in get_control_flow_submodules(program.graph_module):
        delegated, left = _calls(branch)
        if len(delegated) != 1 or left:
            raise UnsupportedOpError(
                f"ExecuTorch method {method!r}: expected the branch {name} as one XNNPACK partition, found "
                f"{len(delegated)} partitions and the operators {_names(left) or 'none'} outside. Report it."
            )
    large = [
        node for node in _calls(program.graph_module)[1] if not _is_few(node) or any(map(_is_map, node.all_input_nodes))
    ]
    if large:
        raise UnsupportedOpError(
            f"ExecuTorch method {method!r}: expected every operator on features in an XNNPACK partition, found "
            f"{_names(large)} outside. Report it."
        )


def _calls(module: GraphModule) -> tuple[list[Node], list[Node]]:
    """Return a graph's delegate calls, and its operators outside of them."""
    calls = [node for node in module.graph.nodes if node.op == "call_function"]
    delegated = [node for node in calls if node.target is executorch_call_delegate]
    return delegated, [node for node in calls if node not in delegated and not _is_structure(node)]


def _is_structure(node: Node) -> bool:
    return node.target in (operator.getitem, torch.ops.higher_order.cond)


def _is_few(node: Node) -> bool:
    value = node.meta["val"]
    return isinstance(value, torch.Tensor) and value.numel() <= _FEW


def _is_map(node: Node) -> bool:
    """Return whether a value has places, as features do: float32[1, C, h, w] with more than one."""
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.ndim == 4 and value.shape[2:].numel() > 1


def _names(nodes: list[Node]) -> list[str]:
    return sorted({str(node.target) for node in nodes})
