"""Capture a path as a ``torch.export`` program with the contract's names."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from pam_edge.converters.base import ConversionJob
from pam_edge.graphs.static import StaticGraph
from pam_edge.supernet.path import PathSpec

OUTPUTS = ("alpha", "path", "cost")
"""The contract's names, in the order in which graphs return them."""
PROBE_OUTPUTS = ("alpha", "wishes")
"""Of a probe graph; wishes are by how much each gate prefers to run."""


class _Named(nn.Module):
    """A graph whose outputs carry their names."""

    def __init__(self, graph: nn.Module, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.inner = graph
        self.outputs = outputs

    def forward(self, **inputs: Tensor) -> dict[str, Tensor]:
        outputs = self.inner(**inputs)
        return dict(zip(self.outputs, (outputs,) if isinstance(outputs, Tensor) else outputs, strict=False))


def example_inputs(job: ConversionJob, *, channels_last: bool = False) -> dict[str, Tensor]:
    """Return zero inputs of the job's size: NCHW, or NHWC with ``channels_last``."""
    shape = (1, job.height, job.width)
    if channels_last:
        return {"image": torch.zeros(*shape, 3), "trimap": torch.zeros(*shape, 1)}
    return {"image": torch.zeros(1, 3, *shape[1:]), "trimap": torch.zeros(1, 1, *shape[1:])}


def named(graph: nn.Module, outputs: tuple[str, ...] = OUTPUTS) -> nn.Module:
    """Return ``graph`` in evaluation mode, its outputs named in order, as many as it has."""
    return _Named(graph, outputs).eval()


def export_path(job: ConversionJob, path: PathSpec) -> ExportedProgram:
    """Export one path with NCHW inputs ``image`` and ``trimap`` and the output ``alpha``."""
    with torch.no_grad():
        return torch.export.export(named(StaticGraph(job.supernet, path)), (), example_inputs(job), strict=False)
