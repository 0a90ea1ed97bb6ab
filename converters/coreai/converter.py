"""Convert to Core AI assets (.aimodel): static and choosing graphs alike, for conditionals are taken as they are."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import torch
from coreai_torch import TorchConverter
from torch import Tensor, nn
from torch.export import ExportedProgram

from pam_edge.converters.base import ConversionJob, EntryPoint, groups
from pam_edge.converters.capture import example_inputs, named, output_names
from pam_edge.converters.coreai.asset import save
from pam_edge.converters.coreai.conditionals import check_conditionals
from pam_edge.converters.coreai.decompositions import decompositions
from pam_edge.converters.coreai.halve import halve
from pam_edge.converters.coreai.stored_weights import register_dequantisation, store_weights
from pam_edge.errors import ConversionError
from pam_edge.graphs.dynamic import DynamicGraph, ProbeGraph
from pam_edge.graphs.ends import with_ends
from pam_edge.graphs.static import StaticGraph
from pam_edge.targets import Target
from pam_edge.terms import Mode, Precision
from pam_edge.toolchains import silenced

_Graph = StaticGraph | DynamicGraph | ProbeGraph


class CoreAIConverter:
    """Converts with coreai-torch; one function per entry point, equal weights shared between functions."""

    def convert(self, job: ConversionJob) -> dict[str, str]:
        """See ``Converter.convert``."""
        files: dict[str, str] = {}
        for name, entries in groups(job, ".aimodel").items():
            self._write(job, entries, job.directory / name)
            files |= {entry.name: name for entry in entries}
        return files

    def versions(self) -> dict[str, str]:
        """See ``Converter.versions``."""
        return {name: version(name) for name in ("coreai-core", "coreai-torch", "torch")}

    def _write(self, job: ConversionJob, entries: tuple[EntryPoint, ...], asset: Path) -> None:
        converter = TorchConverter(mode=TorchConverter.Mode.RELEASE)
        register_dequantisation(converter)
        exported = [_export(job, entry) for entry in entries]
        try:
            for entry, program in zip(entries, exported, strict=True):
                converter.add_exported_program(
                    program,
                    input_names=list(example_inputs(job, entry)),
                    output_names=list(output_names(job, entry)),
                    entrypoint_name=entry.name,
                )
            with silenced():
                converted = converter.to_coreai()
        except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
            raise ConversionError(f"Core AI: coreai-torch refused the graph: {error}") from error
        save(converted, asset)


def _export(job: ConversionJob, entry: EntryPoint) -> ExportedProgram:
    graph = _graph(job, entry)
    store_weights(graph.network, job.precision)
    if Target.COREAI.facts.arithmetic_of(job.precision) is Precision.FP16:
        halve(graph.network)
    exported = named(with_ends(graph, entry.interface.ends), job, entry)
    with torch.no_grad():
        program = torch.export.export(exported, (), example_inputs(job, entry), strict=False)
    check_conditionals(program)
    decomposed: ExportedProgram = program.run_decompositions(decompositions())
    return decomposed


def _graph(job: ConversionJob, entry: EntryPoint) -> _Graph:
    match job.mode:
        case Mode.DYNAMIC:
            assert job.selection is not None, "a dynamic graph needs costs and a table"
            return DynamicGraph(job.supernet, job.selection.costs, job.selection.table, _choose)
        case Mode.PROBE:
            return ProbeGraph(job.supernet, _choose)
        case _:
            return StaticGraph(job.supernet, entry.fixed_path)


def _choose(run: Tensor, block: nn.Module, connect: nn.Module, x: Tensor, attention: Tensor) -> Tensor:
    """Choose inside of the graph; the branches attend."""
    result: Tensor = torch.cond(
        run, lambda x, attention: block(x * attention), lambda x, attention: connect(x * attention), (x, attention)
    )
    return result
