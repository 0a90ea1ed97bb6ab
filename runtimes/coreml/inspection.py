"""Read from a saved .mlpackage which operators a function holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import Inspection
from pam_edge.runtimes.coreml.package import read_package


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
    counts = Counter(operation.type for operation in _operations(block) if operation.type != "const")
    choices = f"{counts['cond']} choices of two branches, weights inside; " if counts["cond"] else ""
    return Inspection(
        operators=dict(counts),
        delegate=f"Core ML, specification {specification.specificationVersion}, opset {functions[name].opset}",
        partitions=None,
        outside={},
        note=f"{choices}Core ML places operators on CPU, GPU and Neural Engine on the device; nothing here tells where",
    )


def _operations(block: Any) -> Iterator[Any]:
    for operation in block.operations:
        yield operation
        for inner in operation.blocks:
            yield from _operations(inner)
