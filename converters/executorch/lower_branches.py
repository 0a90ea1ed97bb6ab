"""Lower both branches of every choice to delegates of their own, ahead of the graph that chooses between them.

The partitioner does not enter the branches of a conditional, and the conditional takes their weights as operands, so
that they would run outside the delegate. Here the branches are delegates before the graph is exported:

    cond(run, block, connect, [x, attention, weight, ...])
    ->  cond(run, delegate(block), delegate(connect), [x, attention])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from executorch.exir import to_edge_transform_and_lower
from executorch.exir.lowered_backend_module import LoweredBackendModule, get_lowered_submodules
from torch import Tensor, nn
from torch.fx import Node

from pam_edge.converters.executorch.dequantise_each import dequantise_each
from pam_edge.converters.executorch.in_place import may_overwrite
from pam_edge.converters.executorch.partitions import PartitionPerOutput
from pam_edge.errors import UnsupportedOpError
from pam_edge.graphs.dynamic import Choose, DynamicGraph, ProbeGraph, choose_eagerly
from pam_edge.supernet.config import STRIDES
from pam_edge.supernet.network import Supernet

Delegates = Mapping[nn.Module, LoweredBackendModule]
Inputs = tuple[Tensor, Tensor]
"""Of a branch: features and attention."""


def delegate_branches(graph: DynamicGraph | ProbeGraph, exported: nn.Module, inputs: Mapping[str, Tensor]) -> None:
    """Make a graph choose between delegates, in place; it can then be exported, not run.

    Args:
        graph: whose branches take features and attention, and give features.
        exported: the same graph as it will be exported.
        inputs: of ``exported``, by name, at the size at which it will be exported.

    Raises:
        UnsupportedOpError: if a branch is not one XNNPACK partition.
    """
    if any(side > STRIDES[-1] for side in inputs["image"].shape[2:]):
        _keep_channels_last(graph.network)
    graph.choose = _between(_lower(_branch_inputs(graph, exported, inputs)))


def _keep_channels_last(network: Supernet) -> None:
    """Let features pass from delegate to delegate in XNNPACK's own layout: else each would transpose them twice.

    Features of one pixel lie in memory alike in either layout, and ExecuTorch takes them for the other one.
    """
    network.stem.register_forward_pre_hook(lambda _, inputs: (inputs[0].to(memory_format=torch.channels_last),))
    network.head.register_forward_hook(lambda _, __, output: output.to(memory_format=torch.contiguous_format))


def _between(delegates: Delegates) -> Choose:
    """Return a choice between delegates."""

    def call(branch: nn.Module) -> Callable[..., tuple[Tensor]]:
        return lambda x, attention: (delegates[branch](x, attention)[0],)

    def choose(run: Tensor, block: nn.Module, connect: nn.Module, x: Tensor, attention: Tensor) -> Tensor:
        # The operator itself and not torch.cond, which would compile the branches and stumble over their weights.
        (result,) = torch.ops.higher_order.cond(run, call(block), call(connect), (x, attention))
        output: Tensor = result
        return output

    return choose


def _branch_inputs(
    graph: DynamicGraph | ProbeGraph, exported: nn.Module, inputs: Mapping[str, Tensor]
) -> dict[nn.Module, Inputs]:
    """Return what each branch is called with, from one run in PyTorch."""
    seen: dict[nn.Module, Inputs] = {}

    def record(run: Tensor, block: nn.Module, connect: nn.Module, x: Tensor, attention: Tensor) -> Tensor:
        seen.update({block: (x, attention), connect: (x.clone(), attention.clone())})
        return choose_eagerly(run, block, connect, x, attention)

    graph.choose = record
    with torch.no_grad():
        exported(**inputs)
    return seen


class _SideBySide(nn.Module):
    """Branches that have nothing to do with each other, so that one lowering serves all: it is slow per call."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, *inputs: Inputs) -> list[Tensor]:
        return [part(x * attention) for part, (x, attention) in zip(self.parts, inputs, strict=True)]


def _lower(branches: Mapping[nn.Module, Inputs]) -> Delegates:
    with torch.no_grad():
        program = torch.export.export(_SideBySide(tuple(branches)), tuple(branches.values()), strict=False)
    edge = to_edge_transform_and_lower(dequantise_each(program), partitioner=[PartitionPerOutput()]).exported_program()
    modules = {node: module for _, module, node in get_lowered_submodules(edge.graph_module)}
    outputs = edge.graph.output_node().args[0]
    names = edge.graph_signature.user_inputs
    entering = zip(names[::2], names[1::2], strict=True)
    return {
        branch: _without_operators(_sole_delegate(modules, output, pair), inputs)
        for (branch, inputs), output, pair in zip(branches.items(), outputs, entering, strict=True)
    }


def _sole_delegate(
    modules: Mapping[Node, LoweredBackendModule], output: Any, inputs: tuple[str, ...]
) -> LoweredBackendModule:
    call = output.args[0]
    sole = call in modules and tuple(node.name for node in call.args[1:]) == inputs
    # The stand-in that the delegate gets for its operators lets features be overwritten: so must they.
    if not sole or not may_overwrite(modules[call].original_module, 0, output.args[1]):
        raise UnsupportedOpError(
            "ExecuTorch: expected each branch of a choice as one XNNPACK partition that first attends to its features, "
            f"found that {output.format_node()} is not. Report it: branches hold only operators that XNNPACK took when "
            "this was written."
        )
    return modules[call]


class _Same(nn.Module):
    def forward(self, x: Tensor, attention: Tensor) -> tuple[Tensor]:
        return (x.clone(),)


def _without_operators(delegate: LoweredBackendModule, inputs: Inputs) -> LoweredBackendModule:
    """Return a delegate whose original operators, which every pass over the outer graph runs again, are one copy."""
    program = torch.export.export(_Same(), inputs, strict=False)
    parts = delegate.processed_bytes, delegate.compile_specs, delegate.named_data_store_output
    return LoweredBackendModule(program, delegate.backend_id, *parts)
