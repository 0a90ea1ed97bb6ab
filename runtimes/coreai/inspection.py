"""Read from a Core AI asset which operators a function has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coreai._compiler.ir import RankedTensorType

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import Inspection
from pam_edge.runtimes.coreai.function import KIND, open_asset
from pam_edge.runtimes.guards import reading
from pam_edge.terms import Precision

_NOT_COUNTED = ("constant", "output", "yield")
_STORED = {
    "Float32": Precision.FP32,
    "Float16": Precision.FP16,
    "Int8": Precision.W8,
    "UInt6": Precision.W6,
}


def inspect_function(asset: Path, name: str) -> Inspection:
    """Count a function's operators, those of both branches of each conditional included.

    Raises:
        ArtifactError: if the asset cannot be read, or has no such function.
    """
    with reading(asset, KIND):
        program = open_asset(asset).program
        graph = program._get_graph(name)
        if graph is None:
            raise ArtifactError(f"{asset} has no function {name!r}. Convert again.")
        operators = Counter(each for each in _names(graph.operation) if each not in _NOT_COUNTED)
        _, _, height, width = RankedTensorType(graph.arguments[0].type).shape
    return Inspection(
        height=height,
        width=width,
        operators=dict(operators),
        delegate="Core AI",
        partitions=None,
        outside={},
        note="which unit computes an operator is decided on the device",
    )


def _names(operation: Any) -> Iterator[str]:
    for region in operation.regions:
        for block in region:
            for each in block.operations:
                yield each.operation.name.removeprefix("coreai.").removeprefix("decomposable.")
                yield from _names(each.operation)


def stored_precision(asset: Path) -> Precision:
    """Return the number format of most of an asset's numbers.

    Raises:
        ArtifactError: if it cannot be read, or stores them in another.
    """
    with reading(asset, KIND):
        summary: Any = open_asset(asset).summary()
        most, _ = max(summary.storage_types, key=lambda stored: stored[1])
    if str(most) not in _STORED:
        raise ArtifactError(f"Expected {asset} to store weights in {' or '.join(_STORED)}; found {most}.")
    return _STORED[str(most)]
