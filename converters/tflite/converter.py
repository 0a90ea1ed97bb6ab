"""Convert to LiteRT models (.tflite), NHWC, with named signatures."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import litert_torch

from pam_edge.converters.base import ConversionJob, EntryPoint, groups
from pam_edge.converters.capture import example_inputs, named
from pam_edge.converters.tflite.half import store_weights_as_half
from pam_edge.graphs.static import ChannelsLastGraph, StaticGraph
from pam_edge.targets import Precision


class LiteRTConverter:
    """Converts with litert-torch; one signature per entry point, equal weights shared between signatures."""

    def convert(self, job: ConversionJob) -> dict[str, str]:
        """See ``Converter.convert``."""
        files: dict[str, str] = {}
        for name, entries in groups(job, ".tflite").items():
            self._write(job, entries, job.directory / name)
            files |= {entry.name: name for entry in entries}
        return files

    def versions(self) -> dict[str, str]:
        """See ``Converter.versions``."""
        return {name: version(name) for name in ("litert-torch", "litert-converter", "torch")}

    def _write(self, job: ConversionJob, entries: tuple[EntryPoint, ...], file: Path) -> None:
        inputs = example_inputs(job, channels_last=True)
        # Keyword inputs and a dictionary as output: otherwise the signature says args_0 and output_0.
        converter = litert_torch.Converter()
        for entry in entries:
            graph = named(ChannelsLastGraph(StaticGraph(job.supernet, entry.fixed_path)))
            converter = converter.signature(entry.name, graph, sample_kwargs=inputs)
        converter.convert().export(str(file))
        if job.precision is Precision.FP16:
            store_weights_as_half(file)
