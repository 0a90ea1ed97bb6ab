"""Run Core ML packages with Core ML itself, which exists on macOS alone."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.coreml.dynamic import CoreMLDynamicModel
from pam_edge.runtimes.coreml.inputs import function_name, image_size, load_ours, model_inputs
from pam_edge.runtimes.coreml.runtime import CoreMLRuntime
from pam_edge.runtimes.guards import control_flow
from pam_edge.toolchains import UNUSED_BY_COREMLTOOLS, hidden

with hidden(*UNUSED_BY_COREMLTOOLS):
    import coremltools as ct


class NativeCoreMLRuntime(CoreMLRuntime):
    """Loads functions of .mlpackage folders for Core ML. What it gets wrong, the reference runtime locates."""

    name = "coreml"

    def load(self, file: Path, entry_point: str, *, threads: int) -> NativeModel:  # type: ignore[override]
        """See ``Runtime.load``; Core ML decides on threads and compute units."""
        return NativeModel(file, entry_point)

    def load_dynamic(self, file: Path, entry_point: str, *, threads: int) -> CoreMLDynamicModel:
        """See ``Runtime.load_dynamic``."""
        with control_flow():
            model = NativeModel(file, entry_point)
        return CoreMLDynamicModel(file, entry_point, model.predict, model.ran_on)

    def versions(self) -> dict[str, str]:
        """See ``Runtime.versions``."""
        return {"coremltools": version("coremltools"), "macos": platform.mac_ver()[0]}


class NativeModel:
    """One function of a package, compiled and run by Core ML on the compute units that it chooses."""

    def __init__(self, file: Path, entry_point: str) -> None:
        # The reference runtime's reading of the package says how large it is and what it takes.
        self._read = load_ours(file)
        self._entry_point = entry_point
        function = function_name(self._read, entry_point)
        self.height, self.width = image_size(self._read, function)
        several = len(self._read.functions) > 1
        try:
            self._model: Any = ct.models.MLModel(str(file), function_name=function if several else None)
        except (RuntimeError, ValueError) as error:
            raise ArtifactError(f"{file}: Core ML does not load it: {error}") from error
        self.ran_on = f"Core ML, macOS {platform.mac_ver()[0]}, compute units as Core ML chooses"

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``LoadedModel.__call__``."""
        alpha = self.predict(model_inputs(self._read, self._entry_point, image, trimap))["alpha"]
        return np.asarray(alpha, np.float32).reshape(self.height, self.width)

    def predict(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return outputs by name; uint8 arrays go in as images."""
        found = self._model.predict(as_coreml_takes_them(inputs))
        return {name: np.asarray(value) for name, value in found.items()}


def as_coreml_takes_them(inputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return uint8 arrays as PIL images, which coremltools wants for image inputs, and all others as they are."""
    from PIL import Image

    return {name: Image.fromarray(v) if v.dtype == np.uint8 else v for name, v in inputs.items()}
