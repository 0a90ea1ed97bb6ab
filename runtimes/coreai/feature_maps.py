"""What a program computes on the way to its outputs."""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from coreai._compiler.ir import Location, RankedTensorType
from numpy.typing import NDArray

from pam_edge.runtimes.coreai.function import call_function, open_asset, open_function, release


def feature_maps(
    asset: Path, name: str, shapes: Collection[tuple[int, ...]], arrays: Mapping[str, NDArray[np.float32]]
) -> list[NDArray[np.floating]]:
    """Return the values of given shapes in a function, in order: what conditionals give, and nothing inside of them.

    The runtime shows outputs alone: a copy of the program, which has these values as its outputs, is saved and run.

    Raises:
        ArtifactError: if the asset cannot be read, or has no such function.
    """
    program = open_asset(asset).program
    graph: Any = program._get_graph(name)
    outputs = OrderedDict((f"value_{index}", value) for index, value in enumerate(_values(graph, shapes)))
    with graph.context, Location.unknown():
        graph.set_outputs_spec_from_dict(outputs)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "feature_maps.aimodel"
        program.save_asset(copy)
        function, compiled = open_function(copy, name)
        found = call_function(function, arrays)
        release(compiled)
    return [found[each] for each in outputs]


def _values(graph: Any, shapes: Collection[tuple[int, ...]]) -> Iterator[Any]:
    for operation in graph.entry_block.operations:
        for value in operation.operation.results:
            if operation.operation.name != "coreai.constant" and tuple(RankedTensorType(value.type).shape) in shapes:
                yield value
