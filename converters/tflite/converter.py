"""Convert to LiteRT models (.tflite), NHWC, with named signatures."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import litert_torch
from torch import nn

from pam_edge.converters.base import ConversionJob, EntryPoint, groups
from pam_edge.converters.capture import example_inputs, named
from pam_edge.converters.marks import input_name, mark_choices, output_name
from pam_edge.converters.tflite.branch_signature import Branches, branch_inputs
from pam_edge.converters.tflite.int8 import options, with_foldable_weights
from pam_edge.converters.tflite.splice_ifs import splice
from pam_edge.converters.tflite.stored_weights import store_weights
from pam_edge.graphs.dynamic import ChannelsLastDynamicGraph, ChannelsLastProbeGraph, DynamicGraph, ProbeGraph
from pam_edge.graphs.ends import with_ends
from pam_edge.graphs.static import ChannelsLastGraph, StaticGraph
from pam_edge.terms import Mode, Precision

_BRANCHES = "branches"
"""Signature that holds the branches until they are put where they belong."""


class LiteRTConverter:
    """Converts with litert-torch; one signature per entry point, equal weights shared between signatures."""

    def convert(self, job: ConversionJob) -> dict[str, str]:
        """See ``Converter.convert``."""
        job = replace(job, supernet=with_foldable_weights(job.supernet))
        files: dict[str, str] = {}
        for name, entries in groups(job, ".tflite").items():
            self._write(job, entries, job.directory / name)
            files |= {entry.name: name for entry in entries}
        return files

    def versions(self) -> dict[str, str]:
        """See ``Converter.versions``."""
        return {name: version(name) for name in ("litert-torch", "litert-converter", "torch")}

    def _write(self, job: ConversionJob, entries: tuple[EntryPoint, ...], file: Path) -> None:
        if job.mode.chooses:
            _write_choosing(job, entries[0], file)
        else:
            _write_paths(job, entries, file)
        if job.precision in (Precision.FP16, Precision.W8):
            store_weights(file, job.precision)


def _write_paths(job: ConversionJob, entries: tuple[EntryPoint, ...], file: Path) -> None:
    # Keyword inputs and a dictionary as output: otherwise the signature says args_0 and output_0.
    converter = litert_torch.Converter()
    for entry in entries:
        channels_last = ChannelsLastGraph(StaticGraph(job.supernet, entry.fixed_path))
        graph = named(with_ends(channels_last, entry.interface.ends, channels_last=True), job, entry)
        converter = converter.signature(entry.name, graph, sample_kwargs=example_inputs(job, entry, channels_last=True))
    converter.convert(**options(job)).export(str(file))


def _write_choosing(job: ConversionJob, entry: EntryPoint, file: Path) -> None:
    """Write a graph that chooses, dynamic or probe: marks and branches first, then IF operators in place of marks."""
    graph, channels_last = _choosing_graph(job, entry)
    inputs = example_inputs(job, entry, channels_last=True)
    branches = mark_choices(graph, channels_last, inputs)
    converter = litert_torch.Converter().signature(entry.name, channels_last, sample_kwargs=inputs)
    converter = converter.signature(_BRANCHES, Branches(branches).eval(), sample_kwargs=branch_inputs(branches))
    converter.convert(**options(job)).export(str(file))
    count = range(len(branches))
    splice(file, entry.name, _BRANCHES, [input_name(index) for index in count], [output_name(index) for index in count])


def _choosing_graph(job: ConversionJob, entry: EntryPoint) -> tuple[DynamicGraph | ProbeGraph, nn.Module]:
    """Return the graph, and the same as it is exported."""
    if job.mode is Mode.PROBE:
        probe = ProbeGraph(job.supernet)
        return probe, named(ChannelsLastProbeGraph(probe), job, entry)
    assert job.selection is not None, "a dynamic graph needs costs and a table"
    dynamic = DynamicGraph(job.supernet, job.selection.costs, job.selection.table)
    channels_last = with_ends(ChannelsLastDynamicGraph(dynamic), entry.interface.ends, channels_last=True)
    return dynamic, named(channels_last, job, entry)
