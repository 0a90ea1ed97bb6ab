"""Take a graph's choices apart, for converters that have no lowering for conditionals.

A mark is an operator that stands nowhere else in our graphs, and that keeps the shape and the layout of features:

    y = choose(run, block, connect, x, attention)   ->   y = pow(x * attention, run)

The graph with marks and its branches are converted as plain graphs; then the file is rewritten, with a conditional in
place of every mark and the branches inside. Weights never leave the branch that uses them.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pam_edge.graphs.dynamic import DynamicGraph, ProbeGraph, choose_eagerly


def mark(run: Tensor, block: nn.Module, connect: nn.Module, x: Tensor, attention: Tensor) -> Tensor:
    """Stand for a choice in the exported graph; what it computes is never run."""
    return torch.pow(x * attention, run.float().reshape(1, 1, 1, 1))


def mark_choices(
    graph: DynamicGraph | ProbeGraph, exported: nn.Module, inputs: Mapping[str, Tensor]
) -> dict[nn.Module, Tensor]:
    """Put marks in place of a graph's choices, in place.

    Args:
        graph: whose choices become marks.
        exported: the same graph as it will be exported.
        inputs: of ``exported``, by name.

    Returns:
        The branches and what each is called with, float32[1, C, h, w]: the first choice's block, its connect layer,
        the second choice's block, and so on.
    """
    branches: dict[nn.Module, Tensor] = {}

    def record(run: Tensor, block: nn.Module, connect: nn.Module, x: Tensor, attention: Tensor) -> Tensor:
        branches.update({block: x * attention, connect: x * attention})
        return choose_eagerly(run, block, connect, x, attention)

    graph.choose = record
    with torch.no_grad():
        exported(**inputs)
    graph.choose = mark
    return branches


def input_name(index: int) -> str:
    """Return the name of a branch's input while branches lie beside the graph."""
    return f"branch_{index}_in"


def output_name(index: int) -> str:
    """Return the name of a branch's output."""
    return f"branch_{index}_out"
