"""Find delegate calls that may write a result over features that nobody reads any more.

Features pass from delegate to delegate in planned memory. Inside one delegate XNNPACK would add and multiply in place;
here a delegate's input and output can be one block of memory on the same condition: whatever reads the input is element
by element, and is done when the output is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from executorch.exir import memory
from executorch.exir.delegate import executorch_call_delegate
from executorch.exir.dialects._ops import ops as edge_ops
from executorch.exir.lowered_backend_module import LoweredBackendModule
from torch.export import ExportedProgram
from torch.fx import Graph, GraphModule, Node

from pam_edge.converters.executorch.partitions import origins

Spec = Any
"""A ``TensorSpec``, whose module carries no types."""

_ELEMENTWISE = (edge_ops.edge.aten.add.Tensor, edge_ops.edge.aten.mul.Tensor, torch.ops.aten.clone.default)


def results_in_place(module: GraphModule) -> Iterator[tuple[Spec, Spec]]:
    """Return results of delegate calls and conditionals, each with the features whose place it may take.

    A conditional counts as its branches' delegate calls, where both may. Specs must have been made.
    """
    last_readers = {spec: node for node in module.graph.nodes for spec in _read_by(node)}
    viewed = {spec for node in module.graph.nodes if node.target is memory.view for spec in _read_by(node)}
    for call in module.graph.nodes:
        taken: set[Spec] = set()
        for operand, output in _pairs(module, call):
            (spec, *_), result = _specs(operand), call.meta["spec"][output]
            owned = operand.op != "placeholder" and operand.target is not memory.view and spec not in viewed
            if owned and last_readers[spec] is call and _layout(spec) == _layout(result) and not taken & {spec, result}:
                taken |= {spec, result}
                yield result, spec


def may_overwrite(program: ExportedProgram, operand: int, output: int) -> bool:
    """Return whether a delegate's output may be written where one of its operands is, by their positions.

    Args:
        program: what the delegate computes, in the edge dialect.
        operand: position among the operands.
        output: position among the outputs.
    """
    name, result = program.graph_signature.user_inputs[operand], _results(program.graph)[output]
    readers = next(node for node in program.graph.nodes if node.name == name).users
    before = origins([result])
    return bool(readers) and all(reader in before and reader.target in _ELEMENTWISE for reader in readers)


def _pairs(module: GraphModule, call: Node) -> Iterator[tuple[Node, int]]:
    """Return operands of a call with the position of an output that may be written over each."""
    arguments: Any = call.args
    if call.target is executorch_call_delegate:
        delegate: LoweredBackendModule = getattr(module, arguments[0].target)
        for position, operand in enumerate(arguments[1:]):
            for output in range(len(call.meta["spec"])):
                if may_overwrite(delegate.original_module, position, output):
                    yield operand, output
    elif call.target is torch.ops.higher_order.cond:
        _, if_true, if_false, operands = arguments
        branches = [_overwritten(getattr(module, branch.target)) for branch in (if_true, if_false)]
        for position, output in sorted(branches[0] & branches[1]):
            yield operands[position], output


def _overwritten(branch: GraphModule) -> set[tuple[int, int]]:
    """Return positions of a branch's operands and results where one delegate call may write one over the other."""
    operands = list(branch.graph.find_nodes(op="placeholder"))
    return {
        (operands.index(operand), position)
        for call in branch.graph.find_nodes(op="call_function", target=executorch_call_delegate)
        for operand, output in _pairs(branch, call)
        for position, result in enumerate(_results(branch.graph))
        if operand in operands and result.args == (call, output)
    }


def _results(graph: Graph) -> tuple[Node, ...]:
    results: Any = graph.output_node().args[0]
    return tuple(results)


def _read_by(node: Node) -> Iterator[Spec]:
    return (spec for source in node.all_input_nodes for spec in _specs(source))


def _specs(node: Node) -> tuple[Spec, ...]:
    specs = node.meta.get("spec", ())
    return tuple(specs) if isinstance(specs, tuple | list) else (specs,)


def _layout(spec: Spec) -> tuple[Any, ...]:
    return spec.dtype, tuple(spec.shape), tuple(spec.dim_order)
