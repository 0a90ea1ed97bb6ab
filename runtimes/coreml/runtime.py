"""Run Core ML packages for parity: with Core ML on macOS, with the reference runtime everywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import BlockOutput, Inspection
from pam_edge.runtimes.coreml import load
from pam_edge.runtimes.coreml.inspection import inspect_function
from pam_edge.runtimes.coreml.native import NativeModel, is_available
from pam_edge.runtimes.matching import first_unmatched


class CoreMLRuntime:
    """Loads functions of .mlpackage folders."""

    def load(self, file: Path, entry_point: str, *, threads: int) -> CoreMLModel:
        """See ``Runtime.load``; the number of threads is PyTorch's."""
        return CoreMLModel(file, entry_point)

    def inspect(self, file: Path, entry_point: str) -> Inspection:
        """See ``Runtime.inspect``."""
        return inspect_function(file, entry_point)

    def versions(self) -> dict[str, str]:
        """See ``Runtime.versions``."""
        return {"pam-edge": version("pam-edge"), "torch": version("torch")}


class CoreMLModel:
    """One function of a .mlpackage; the only function, whatever its name, where there is one."""

    def __init__(self, file: Path, function: str) -> None:
        self._model = load(file)
        functions = list(self._model.functions)
        if len(functions) > 1 and function not in functions:
            raise ArtifactError(f"{file} has the functions {', '.join(functions)}; expected {function!r}.")
        self._function = function if len(functions) > 1 else functions[0]
        image = next(f for f in self._model.inputs(self._function) if f.name == "image")
        self._is_image = image.kind == "image"
        height, width = image.shape[:2] if self._is_image else image.shape[-2:]
        assert height is not None and width is not None, "our packages have fixed sizes"
        self.height, self.width = height, width
        several = len(functions) > 1
        self._native = NativeModel(file, self._function if several else None) if is_available() else None
        self.ran_on = self._native.ran_on if self._native else "pam-edge's Core ML reference runtime on this CPU"

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``LoadedModel.__call__``."""
        inputs = self._inputs(image, trimap)
        outputs = self._native.predict(inputs) if self._native else self._model.predict(inputs, self._function)
        alpha = outputs["alpha"]
        return np.asarray(alpha, np.float32).reshape(self.height, self.width)

    def _inputs(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
        if self._is_image:
            return {"image": image, "trimap": trimap}
        return {
            "image": image.transpose(2, 0, 1)[None].astype(np.float32),
            "trimap": trimap[None, None].astype(np.float32),
        }

    def first_divergence(
        self, image: NDArray[np.uint8], trimap: NDArray[np.uint8], expected: Sequence[BlockOutput], tolerance: float
    ) -> str | None:
        """See ``LoadedModel.first_divergence``."""
        shapes = {output.values.shape for output in expected}
        candidates: list[NDArray[np.floating]] = []

        def observe(_operator: str, _name: str, tensor: object) -> None:
            values = np.asarray(tensor)
            if values.shape in shapes:
                candidates.append(values.astype(np.float32))

        self._model.run(self._inputs(image, trimap), function=self._function, observe=observe)
        return first_unmatched(expected, candidates, tolerance)
