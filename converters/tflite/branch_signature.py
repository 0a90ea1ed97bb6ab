"""All branches of a graph that chooses, side by side in one signature."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from pam_edge.converters.marks import input_name, output_name


class Branches(nn.Module):
    """Branches that have nothing to do with each other, in NHWC."""

    def __init__(self, branches: Mapping[nn.Module, Tensor]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, **inputs: Tensor) -> dict[str, Tensor]:
        """Return outputs float32[1, h, w, C] by ``output_name``, from inputs by ``input_name``."""
        return {
            output_name(index): branch(inputs[input_name(index)].permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            for index, branch in enumerate(self.branches)
        }


def branch_inputs(branches: Mapping[nn.Module, Tensor]) -> dict[str, Tensor]:
    """Return example inputs by name, in NHWC."""
    values = enumerate(branches.values())
    return {input_name(index): x.permute(0, 2, 3, 1).contiguous() for index, x in values}
