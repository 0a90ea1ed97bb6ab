"""Run .pte files with ExecuTorch's Python bindings."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import Divergence, Expectation, Inspection
from pam_edge.runtimes.executorch.dynamic import ExecuTorchDynamicModel, ExecuTorchProbe
from pam_edge.runtimes.executorch.inspection import inspect_method
from pam_edge.runtimes.executorch.method import Method, check_program
from pam_edge.runtimes.first_divergence import by_weights
from pam_edge.runtimes.guards import WITHOUT_A_PROBE, control_flow


class ExecuTorchRuntime:
    """Loads methods of .pte files. The thread pool is the process's: the last load decides its size."""

    name = "executorch"

    def load(self, file: Path, entry_point: str, *, threads: int) -> ExecuTorchModel:
        """See ``Runtime.load``."""
        return ExecuTorchModel(Method(file, entry_point, threads=threads))

    def load_dynamic(self, file: Path, entry_point: str, *, threads: int) -> ExecuTorchDynamicModel:
        """See ``Runtime.load_dynamic``."""
        with control_flow():
            return ExecuTorchDynamicModel(Method(file, entry_point, threads=threads))

    def load_probe(self, file: Path, entry_point: str, *, threads: int) -> ExecuTorchProbe:
        """See ``Runtime.load_probe``."""
        with control_flow(WITHOUT_A_PROBE):
            return ExecuTorchProbe(Method(file, entry_point, threads=threads))

    def first_divergence(self, file: Path, entry_point: str, expected: Expectation) -> Divergence | None:
        """See ``Runtime.first_divergence``: the delegate shows no intermediate values, so weights are compared."""
        try:
            check_program(file)
        except ArtifactError as error:
            return Divergence(None, None, str(error))
        return by_weights(expected.blocks, file.read_bytes())

    def inspect(self, file: Path, entry_point: str) -> Inspection:
        """See ``Runtime.inspect``."""
        return inspect_method(file, entry_point)

    def versions(self) -> dict[str, str]:
        """See ``Runtime.versions``."""
        return {"executorch": version("executorch")}


class ExecuTorchModel:
    """A graph with a fixed path in a .pte file."""

    def __init__(self, method: Method) -> None:
        self._method = method
        self.height, self.width, self.ran_on = method.height, method.width, method.ran_on

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``LoadedModel.__call__``."""
        (alpha,) = self._method(image, trimap)
        result: NDArray[np.float32] = alpha[0, 0].numpy().copy()
        return result
