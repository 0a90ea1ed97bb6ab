"""Export a graph that chooses as two plain graphs: one with a mark in place of every choice, one of all branches.

litert-torch has no lowering for conditionals. A mark is an operator that stands nowhere else in our graphs, takes what
a choice takes and keeps the layout of features, so that the converter's own passes bring all of it to NHWC:

    y = choose(run, block, connect, x)   ->   y = pow(x, run)

``splice`` then puts an IF in place of each mark, with the branches as its subgraphs.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pam_edge.graphs.dynamic import DynamicGraph, ProbeGraph, choose_eagerly


def mark(run: Tensor, block: nn.Module, connect: nn.Module, x: Tensor) -> Tensor:
    """Stand for a choice in the exported graph; what it computes is never run."""
    return torch.pow(x, run.float().reshape(1, 1, 1, 1))


class Branches(nn.Module):
    """All branches side by side, in NHWC: first choice's block, its connect layer, second choice's block, ..."""

    def __init__(self, parts: Mapping[nn.Module, Tensor]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, **inputs: Tensor) -> dict[str, Tensor]:
        """Return outputs by name, ``output_name(i)``, from inputs float32[1, h, w, C] by ``input_name(i)``."""
        return {
            output_name(index): part(inputs[input_name(index)].permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            for index, part in enumerate(self.parts)
        }


def input_name(index: int) -> str:
    """Return the name of a branch's input."""
    return f"x{index}"


def output_name(index: int) -> str:
    """Return the name of a branch's output."""
    return f"y{index}"


def separate_branches(
    graph: DynamicGraph | ProbeGraph, channels_last: nn.Module, inputs: Mapping[str, Tensor]
) -> tuple[Branches, dict[str, Tensor]]:
    """Put marks in place of a graph's choices, in place, and return its branches with their inputs.

    Args:
        graph: whose choices become marks.
        channels_last: the same graph as it is exported.
        inputs: of ``channels_last``, by name.
    """
    seen: dict[nn.Module, Tensor] = {}

    def record(run: Tensor, block: nn.Module, connect: nn.Module, x: Tensor) -> Tensor:
        seen.update({block: x, connect: x})
        return choose_eagerly(run, block, connect, x)

    graph.choose = record
    with torch.no_grad():
        channels_last(**inputs)
    graph.choose = mark
    samples = {input_name(index): x.permute(0, 2, 3, 1).contiguous() for index, x in enumerate(seen.values())}
    return Branches(seen).eval(), samples
