"""Convert to Core ML ML programs (.mlpackage): iOS 16 and later, or iOS 18 for several functions in one package."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pam_edge.converters.base import ConversionJob, EntryPoint, groups
from pam_edge.converters.capture import export_path, picture_sizes
from pam_edge.converters.coreml.dynamic import convert_dynamic
from pam_edge.converters.coreml.package import make_reproducible
from pam_edge.converters.coreml.precision import computes_in_half, is_multifunction, oldest_system, store_weights
from pam_edge.errors import ConversionError
from pam_edge.terms import PREVIOUS, Mode, TensorIO
from pam_edge.toolchains import UNUSED_BY_COREMLTOOLS, hidden

with hidden(*UNUSED_BY_COREMLTOOLS):
    import coremltools as ct


class CoreMLConverter:
    """Converts with coremltools' torch.export frontend; one function per entry point in a multifunction package."""

    def convert(self, job: ConversionJob) -> dict[str, str]:
        """See ``Converter.convert``."""
        if job.mode is Mode.PROBE:
            raise ConversionError(
                "Core ML measures fixed paths: its GPU and Neural Engine do not promise to take control flow. Use "
                "mode multi with a designed set of paths, as `pam-edge profile kit --target coreml` does."
            )
        files: dict[str, str] = {}
        for name, entries in groups(job, ".mlpackage").items():
            package = job.directory / name
            if job.mode is Mode.DYNAMIC:
                inputs, outputs = _inputs(job, entries[0]), _outputs(job, entries[0])
                convert_dynamic(job, entries[0], inputs, outputs, _passes(), package)
            elif is_multifunction(job):
                _save_functions(job, entries, package)
            else:
                _convert_path(job, entries[0]).save(str(package))
            make_reproducible(package)
            files |= {entry.name: name for entry in entries}
        return files

    def versions(self) -> dict[str, str]:
        """See ``Converter.versions``."""
        return {name: version(name) for name in ("coremltools", "torch")}


def _convert_path(job: ConversionJob, entry: EntryPoint) -> Any:
    program = export_path(job, entry).run_decompositions({})
    try:
        model = ct.convert(
            program,
            inputs=_inputs(job, entry),
            outputs=_outputs(job, entry),
            minimum_deployment_target=oldest_system(job),
            compute_precision=ct.precision.FLOAT16 if computes_in_half(job) else ct.precision.FLOAT32,
            pass_pipeline=_passes(),
            skip_model_load=True,
        )
    except (RuntimeError, ValueError, NotImplementedError) as error:
        raise ConversionError(f"Core ML, entry point {entry.name!r}: coremltools refused the graph: {error}") from error
    return store_weights(model, job.precision)


def _passes() -> Any:
    """Return coremltools' default passes, with equal constants merged whatever their size.

    By default only those of 100 elements and more are. A function then repeats strides, pads and names of every
    convolution, which for pam-tiny was a twelfth of the package, once per entry point.
    """
    pipeline = ct.PassPipeline()
    pipeline.set_options("common::const_deduplication", {"const_threshold": 1})
    return pipeline


def _inputs(job: ConversionJob, entry: EntryPoint) -> list[Any]:
    shapes = {name: (1, *size) for name, size in picture_sizes(entry.interface).items()}
    if job.io is TensorIO.TENSOR:
        return [ct.TensorType(name, shape=shape) for name, shape in shapes.items()]
    # The last frame's alpha comes back as it was given.
    layouts = {"image": ct.colorlayout.RGB, PREVIOUS: ct.colorlayout.GRAYSCALE_FLOAT16}
    return [
        ct.ImageType(name, shape=shape, color_layout=layouts.get(name, ct.colorlayout.GRAYSCALE))
        for name, shape in shapes.items()
    ]


def _outputs(job: ConversionJob, entry: EntryPoint) -> list[Any]:
    """Return alpha, and what comes after all that a graph gives with plain ends."""
    more = entry.interface.ends.more_outputs
    if job.io is TensorIO.TENSOR:
        return [ct.TensorType(name) for name in ("alpha", *more)]
    alpha = ct.ImageType("alpha", color_layout=ct.colorlayout.GRAYSCALE_FLOAT16)
    return [alpha, *(ct.ImageType(name, color_layout=ct.colorlayout.RGB) for name in more)]


def _save_functions(job: ConversionJob, entries: tuple[EntryPoint, ...], package: Path) -> None:
    descriptor = ct.utils.MultiFunctionDescriptor()
    with tempfile.TemporaryDirectory() as folder:
        for entry in entries:
            single = Path(folder) / f"{entry.name}.mlpackage"
            _convert_path(job, entry).save(str(single))
            descriptor.add_function(str(single), "main", entry.name)
        descriptor.default_function_name = entries[0].name
        ct.utils.save_multifunction(descriptor, str(package))
