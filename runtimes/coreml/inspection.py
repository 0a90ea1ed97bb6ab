"""Read from a saved .mlpackage which operators a function holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import Inspection
from pam_edge.runtimes.coreml.package import KIND, read_package
from pam_edge.runtimes.guards import reading
from pam_edge.terms import Precision

_FLOAT16 = 10
"""``DataType.FLOAT16`` of coremltools' mlmodel/format/MIL.proto."""


def inspect_function(file: Path, function: str) -> Inspection:
    """Count a function's operators; a package with one function has it under the name ``main``.

    Raises:
        ArtifactError: if the package cannot be read, or has no such function.
    """
    specification = read_package(file).specification
    functions = specification.mlProgram.functions
    name = function if function in functions else "main"
    if name not in functions:
        raise ArtifactError(f"{file} has the functions {', '.join(functions)}; expected {function!r}.")
    block = functions[name].block_specializations[functions[name].opset]
    height, width = _image_size(file, functions[name])
    counts = Counter(operation.type for operation in _operations(block) if operation.type != "const")
    choices = f"{counts['cond']} choices of two branches, weights inside; " if counts["cond"] else ""
    return Inspection(
        height=height,
        width=width,
        operators=dict(counts),
        delegate=f"Core ML, specification {specification.specificationVersion}, opset {functions[name].opset}",
        partitions=None,
        outside={},
        note=f"{choices}Core ML places operators on CPU, GPU and Neural Engine on the device; nothing here tells where",
    )


_EIGHT_BIT_WEIGHTS = {"constexpr_affine_dequantize", "constexpr_blockwise_shift_scale"}


def stored_precision(file: Path) -> Precision:
    """Return the number format of a package's weights, which lie in its weight file.

    Raises:
        ArtifactError: if the package cannot be read.
    """
    functions = read_package(file).specification.mlProgram.functions
    blocks = [functions[name].block_specializations[functions[name].opset] for name in functions]
    operations = [each for block in blocks for each in _operations(block)]
    kinds = {each.type for each in operations}
    if "quantize" in kinds:
        return Precision.INT8
    if kinds & _EIGHT_BIT_WEIGHTS:
        return Precision.W8
    if "constexpr_lut_to_dense" in kinds:
        return Precision.W6
    constants = [each.attributes["val"] for each in operations if each.type == "const"]
    stored = {each.type.tensorType.dataType for each in constants if each.WhichOneof("value") == "blobFileValue"}
    return Precision.FP16 if _FLOAT16 in stored else Precision.FP32


def _image_size(file: Path, function: Any) -> tuple[int, int]:
    with reading(file, KIND):
        inputs = {each.name: each.type.tensorType.dimensions for each in function.inputs}
        _, _, height, width = (int(each.constant.size) for each in inputs["image"])
    return height, width


def _operations(block: Any) -> Iterator[Any]:
    for operation in block.operations:
        yield operation
        for inner in operation.blocks:
            yield from _operations(inner)
