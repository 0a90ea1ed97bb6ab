"""Run .pte files with ExecuTorch's Python bindings."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from executorch.extension.pybindings import portable_lib
from executorch.runtime import Runtime as Bindings
from executorch.runtime import Verification
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import Divergence, Expectation, Inspection
from pam_edge.runtimes.executorch.inspection import inspect_method
from pam_edge.runtimes.matching import by_weights


class ExecuTorchRuntime:
    """Loads methods of .pte files."""

    name = "executorch"

    def load(self, file: Path, entry_point: str, *, threads: int) -> ExecuTorchModel:
        """See ``Runtime.load``. The thread pool is the process's: the last load decides its size."""
        portable_lib._unsafe_reset_threadpool(threads)
        return ExecuTorchModel(file, entry_point)

    def first_divergence(self, file: Path, entry_point: str, expected: Expectation) -> Divergence | None:
        """See ``Runtime.first_divergence``: the delegate shows no intermediate values, so weights are compared."""
        return by_weights(expected.blocks, file.read_bytes())

    def inspect(self, file: Path, entry_point: str) -> Inspection:
        """See ``Runtime.inspect``."""
        return inspect_method(file, entry_point)

    def versions(self) -> dict[str, str]:
        """See ``Runtime.versions``."""
        return {"executorch": version("executorch")}


class ExecuTorchModel:
    """One method of a .pte file."""

    def __init__(self, file: Path, method: str) -> None:
        self._file = file
        try:
            # The program must live as long as its methods: the bindings do not keep it.
            self._program = Bindings.get().load_program(file, verification=Verification.InternalConsistency)
        except RuntimeError as error:
            raise ArtifactError(f"{file} is not a readable ExecuTorch program: {error}") from error
        if method not in self._program.method_names:
            names = ", ".join(sorted(self._program.method_names))
            raise ArtifactError(f"{file} has the methods {names}; expected {method!r}.")
        self._method = self._program.load_method(method)
        _, _, self.height, self.width = self._method.metadata.input_tensor_meta(0).sizes()
        self.ran_on = f"ExecuTorch {version('executorch')}, XNNPACK on this CPU"

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``LoadedModel.__call__``."""
        planar = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None])).float()
        (alpha,) = self._method.execute([planar, torch.from_numpy(trimap)[None, None].float()])
        result: NDArray[np.float32] = alpha[0, 0].numpy().copy()
        return result
