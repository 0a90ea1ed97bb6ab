"""Run .aimodel assets with coreai-core, Apple's runtime."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import Divergence, Expectation, Inspection, TensorNames
from pam_edge.runtimes.coreai.feature_maps import feature_maps
from pam_edge.runtimes.coreai.function import Function, input_names, program_bytes
from pam_edge.runtimes.coreai.inspection import inspect_function, stored_precision
from pam_edge.runtimes.first_divergence import by_weights, first_unmatched
from pam_edge.terms import Precision


class CoreAIRuntime:
    """Loads functions of .aimodel assets. Threads are the runtime's own."""

    name = "coreai"

    def load(self, file: Path, entry_point: str, names: TensorNames, *, threads: int) -> Function:
        """See ``Runtime.load``; the runtime takes no number of threads."""
        return Function(file, entry_point, names)

    def first_divergence(self, file: Path, entry_point: str, expected: Expectation) -> Divergence | None:
        """See ``Runtime.first_divergence``: blocks are known by what they give, also of a graph that chooses."""
        try:
            function = Function(file, entry_point, expected.names)
        except ArtifactError as error:
            return Divergence(None, None, str(error))
        arrays = function.arrays(expected.image, expected.source, expected.control, expected.last)
        shapes = {block.values.shape for block in expected.blocks}
        found = feature_maps(file, entry_point, shapes, arrays)
        block = first_unmatched(expected.blocks, found, expected.tolerance)
        if block is not None:
            return Divergence(block, None, "no intermediate value of the file is this block's output")
        return by_weights(expected.blocks, program_bytes(file))

    def input_names(self, file: Path, entry_point: str) -> tuple[str, ...]:
        """See ``Runtime.input_names``."""
        return input_names(file, entry_point)

    def precision(self, file: Path) -> Precision:
        """See ``Runtime.precision``."""
        return stored_precision(file)

    def inspect(self, file: Path, entry_point: str) -> Inspection:
        """See ``Runtime.inspect``."""
        return inspect_function(file, entry_point)

    def versions(self) -> dict[str, str]:
        """See ``Runtime.versions``."""
        return {"coreai-core": version("coreai-core")}
