"""Refuse conditionals inside of conditionals: coreai-torch 0.4.3 lowers them to something else, and says nothing."""

from __future__ import annotations

import torch
from torch.export import ExportedProgram
from torch.fx import GraphModule

from pam_edge.errors import UnsupportedOpError


def check_conditionals(program: ExportedProgram) -> None:
    """Check that no branch of a program chooses again.

    Raises:
        UnsupportedOpError: if one does.
    """
    for branch in _branches(program.graph_module):
        if _branches(branch):
            raise UnsupportedOpError(
                "Core AI: a branch of a conditional has a conditional inside, which coreai-torch turns into a program "
                "that computes something else. Let one choice follow the other."
            )


def _branches(module: GraphModule) -> list[GraphModule]:
    conds = [node for node in module.graph.nodes if node.target is torch.ops.higher_order.cond]
    return [getattr(module, branch.target) for node in conds for branch in node.args[1:3]]
