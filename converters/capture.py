"""Capture a path as a ``torch.export`` program with the contract's names."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from pam_edge.converters.base import ConversionJob, EntryPoint
from pam_edge.graphs.ends import Interface, with_ends
from pam_edge.graphs.static import StaticGraph
from pam_edge.terms import PREVIOUS, PREVIOUS_PATH, Layout, Mode

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


def example_inputs(job: ConversionJob, entry: EntryPoint, *, channels_last: bool = False) -> dict[str, Tensor]:
    """Return zeros for all that an entry point takes, in its order: NCHW, or NHWC with ``channels_last``."""
    layout = Layout.NHWC if channels_last else Layout.NCHW
    pictures = {name: torch.zeros(layout.shape(*size)) for name, size in picture_sizes(entry.interface).items()}
    return pictures | {name: torch.zeros(count) for name, count in vector_sizes(job, entry).items()}


def picture_sizes(interface: Interface) -> dict[str, tuple[int, int, int]]:
    """Return channels, height and width of the pictures that a graph takes, in their order."""
    source = interface.ends.source
    sizes = {"image": (3, *interface.size), source.region: (1, *interface.region_size)}
    return sizes | ({PREVIOUS: (1, *interface.size)} if source.is_live else {})


def vector_sizes(job: ConversionJob, entry: EntryPoint) -> dict[str, int]:
    """Return the lengths of what steers an entry point, which comes after the pictures."""
    blocks = job.supernet.block_count
    match job.mode:
        case Mode.DYNAMIC:
            return {"budget": 1} | ({PREVIOUS_PATH: blocks} if entry.interface.ends.source.is_live else {})
        case Mode.PROBE:
            return {"path": blocks}
    return {}


def named(graph: nn.Module, job: ConversionJob, entry: EntryPoint) -> nn.Module:
    """Return ``graph`` in evaluation mode, its outputs named in order."""
    return _Named(graph, output_names(job, entry)).eval()


def output_names(job: ConversionJob, entry: EntryPoint) -> tuple[str, ...]:
    """Return the contract's names of what an entry point gives, in their order."""
    return (*_OUTPUTS.get(job.mode, ("alpha",)), *entry.interface.ends.more_outputs)


def export_path(job: ConversionJob, entry: EntryPoint) -> ExportedProgram:
    """Export an entry point of a fixed path in NCHW, its inputs and outputs named."""
    graph = with_ends(StaticGraph(job.supernet, entry.fixed_path), entry.interface.ends)
    with torch.no_grad():
        return torch.export.export(named(graph, job, entry), (), example_inputs(job, entry), strict=False)
