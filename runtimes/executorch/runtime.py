"""Run .pte files with ExecuTorch's Python bindings."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import Divergence, Expectation, Inspection, TensorNames
from pam_edge.runtimes.executorch.method import Method, check_program, input_names
from pam_edge.runtimes.first_divergence import by_weights
from pam_edge.runtimes.guards import control_flow
from pam_edge.terms import Precision


class ExecuTorchRuntime:
    """Loads methods of .pte files. The thread pool is the process's: the last load decides its size."""

    name = "executorch"

    def load(self, file: Path, entry_point: str, names: TensorNames, *, threads: int) -> Method:
        """See ``Runtime.load``."""
        with control_flow(names.control):
            return Method(file, entry_point, names, threads=threads)

    def first_divergence(self, file: Path, entry_point: str, expected: Expectation) -> Divergence | None:
        """See ``Runtime.first_divergence``: the delegate shows no intermediate values, so weights are compared."""
        try:
            check_program(file)
        except ArtifactError as error:
            return Divergence(None, None, str(error))
        return by_weights(expected.blocks, file.read_bytes())

    def input_names(self, file: Path, entry_point: str) -> tuple[str, ...]:
        """See ``Runtime.input_names``."""
        return input_names(file, entry_point)

    def precision(self, file: Path) -> Precision | None:
        """See ``Runtime.precision``: the delegate shows no weights."""
        return None

    def inspect(self, file: Path, entry_point: str) -> Inspection:
        """See ``Runtime.inspect``, which takes ExecuTorch's compiler; nothing else does."""
        from pam_edge.runtimes.executorch.inspection import inspect_method

        return inspect_method(file, entry_point)

    def versions(self) -> dict[str, str]:
        """See ``Runtime.versions``."""
        return {"executorch": version("executorch")}
