"""Convert to ExecuTorch programs (.pte): static graphs in one XNNPACK partition, choosing ones in a few."""

from __future__ import annotations

from importlib.metadata import version

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import ExecutorchBackendConfig, ExecutorchProgramManager, to_edge_transform_and_lower
from torch.export import ExportedProgram

from pam_edge.converters.base import ConversionJob, EntryPoint, groups
from pam_edge.converters.capture import example_inputs, export_path
from pam_edge.converters.executorch.checks import check_choices, check_one_partition
from pam_edge.converters.executorch.dequantise_each import dequantise_each
from pam_edge.converters.executorch.lower_branches import delegate_branches
from pam_edge.converters.executorch.memory_plan import PlanInPlace
from pam_edge.converters.executorch.partitions import CutAtLargestFeatures
from pam_edge.converters.executorch.resize_int8 import CONFIGS
from pam_edge.graphs.dynamic import DynamicGraph, ProbeGraph
from pam_edge.graphs.ends import with_ends
from pam_edge.terms import Mode


class ExecuTorchConverter:
    """Exports, lowers and serialises; one method per entry point, weights shared between methods."""

    def convert(self, job: ConversionJob) -> dict[str, str]:
        """See ``Converter.convert``."""
        files: dict[str, str] = {}
        for name, entries in groups(job, ".pte").items():
            program = self._lower(entries, job)
            with (job.directory / name).open("wb") as file:
                program.write_to_file(file)
            files |= {entry.name: name for entry in entries}
        return files

    def versions(self) -> dict[str, str]:
        """See ``Converter.versions``."""
        return {name: version(name) for name in ("executorch", "torch")}

    def _lower(self, entries: tuple[EntryPoint, ...], job: ConversionJob) -> ExecutorchProgramManager:
        exported = {entry.name: dequantise_each(_export(job, entry)) for entry in entries}
        partitioner = CutAtLargestFeatures(CONFIGS) if job.mode.chooses else XnnpackPartitioner(CONFIGS)
        edge = to_edge_transform_and_lower(exported, partitioner=[partitioner])
        check = check_choices if job.mode.chooses else check_one_partition
        for name in exported:
            check(edge.exported_program(name), name)
        return edge.to_executorch(backend_config())


def backend_config() -> ExecutorchBackendConfig:
    """Return how lowered graphs become programs: with memory that conditionals do not overwrite."""
    return ExecutorchBackendConfig(memory_planning_pass=PlanInPlace())


def _export(job: ConversionJob, entry: EntryPoint) -> ExportedProgram:
    match job.mode:
        case Mode.DYNAMIC:
            assert job.selection is not None, "a dynamic graph needs costs and a table"
            return _export_choices(job, entry, DynamicGraph(job.supernet, job.selection.costs, job.selection.table))
        case Mode.PROBE:
            return _export_choices(job, entry, ProbeGraph(job.supernet))
        case _:
            return export_path(job, entry)


def _export_choices(job: ConversionJob, entry: EntryPoint, graph: DynamicGraph | ProbeGraph) -> ExportedProgram:
    inputs = example_inputs(job, entry)
    whole = with_ends(graph, entry.interface.ends).eval()
    delegate_branches(graph, whole, inputs)
    with torch.no_grad():
        return torch.export.export(whole, (), inputs, strict=False)
