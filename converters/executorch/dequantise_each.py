"""Give every user of stored features a dequantisation of its own: the partitioner takes it for a part of that user."""

from __future__ import annotations

import torch
from torch.export import ExportedProgram


def dequantise_each(program: ExportedProgram) -> ExportedProgram:
    """Rewrite an exported program in place, and return it."""
    graph = program.graph
    operator = torch.ops.quantized_decomposed.dequantize_per_tensor.default
    for node in graph.find_nodes(op="call_function", target=operator):
        for user in list(node.users)[1:]:
            with graph.inserting_before(user):
                own = graph.node_copy(node)
            user.replace_input_with(node, own)
    program.graph_module.recompile()
    return program
