"""Capture a path as a ``torch.export`` program with the contract's names."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from pam_edge.converters.base import ConversionJob
from pam_edge.graphs.ends import with_ends
from pam_edge.graphs.static import StaticGraph
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Mode

_OUTPUTS = {Mode.DYNAMIC: ("alpha", "path", "cost"), Mode.PROBE: ("alpha", "wishes")}
"""The contract's names, in the order in which graphs return them; wishes are by how much each gate prefers to run."""


class _Named(nn.Module):
    """A graph whose outputs carry their names."""

    def __init__(self, graph: nn.Module, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.inner = graph
        self.outputs = outputs

    def forward(self, **inputs: Tensor) -> dict[str, Tensor]:
        outputs = self.inner(**inputs)
        return dict(zip(self.outputs, (outputs,) if isinstance(outputs, Tensor) else outputs, strict=True))


def example_inputs(job: ConversionJob, *, channels_last: bool = False) -> dict[str, Tensor]:
    """Return zero inputs of the job's size: NCHW, or NHWC with ``channels_last``."""
    image, source = (3, job.height, job.width), (1, *job.source_size)
    if channels_last:
        image, source = (*image[1:], image[0]), (*source[1:], source[0])
    return {"image": torch.zeros(1, *image), str(job.ends.source): torch.zeros(1, *source)}


def named(graph: nn.Module, job: ConversionJob) -> nn.Module:
    """Return ``graph`` in evaluation mode, its outputs named in order."""
    return _Named(graph, output_names(job)).eval()


def output_names(job: ConversionJob) -> tuple[str, ...]:
    """Return the contract's names of what a job's graphs give, in their order."""
    return (*_OUTPUTS.get(job.mode, ("alpha",)), *job.ends.more_outputs)


def export_path(job: ConversionJob, path: PathSpec) -> ExportedProgram:
    """Export one path in NCHW, its inputs and outputs named."""
    graph = named(with_ends(StaticGraph(job.supernet, path), job.ends), job)
    with torch.no_grad():
        return torch.export.export(graph, (), example_inputs(job), strict=False)
