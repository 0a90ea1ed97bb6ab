"""Run Core ML packages with Core ML itself, which exists on macOS alone."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import TensorNames
from pam_edge.runtimes.coreml.inputs import load_ours
from pam_edge.runtimes.coreml.runtime import CoreMLModel, CoreMLRuntime
from pam_edge.runtimes.guards import control_flow
from pam_edge.toolchains import UNUSED_BY_COREMLTOOLS, hidden

with hidden(*UNUSED_BY_COREMLTOOLS):
    import coremltools as ct


class NativeCoreMLRuntime(CoreMLRuntime):
    """Loads functions of .mlpackage folders for Core ML. What it gets wrong, the reference runtime locates."""

    name = "coreml"

    def load(self, file: Path, entry_point: str, names: TensorNames, *, threads: int) -> NativeModel:
        """See ``Runtime.load``; Core ML decides on threads and compute units."""
        with control_flow(names.control):
            return NativeModel(file, entry_point, names)

    def versions(self) -> dict[str, str]:
        """See ``Runtime.versions``."""
        return {"coremltools": version("coremltools"), "macos": platform.mac_ver()[0]}


class NativeModel(CoreMLModel):
    """One function of a package, compiled and run by Core ML on the compute units that it chooses."""

    def __init__(self, file: Path, entry_point: str, names: TensorNames) -> None:
        # The reference runtime's reading of the package says how large it is and what it takes.
        read = load_ours(file)
        super().__init__(read, entry_point, names)
        several = len(read.functions) > 1
        try:
            self._compiled: Any = ct.models.MLModel(str(file), function_name=self._function if several else None)
        except (RuntimeError, ValueError) as error:
            raise ArtifactError(f"{file}: Core ML does not load it: {error}") from error
        self.ran_on = f"Core ML, macOS {platform.mac_ver()[0]}, compute units as Core ML chooses"

    def _predict(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        found = self._compiled.predict(as_coreml_takes_them(inputs))
        return {name: np.asarray(value) for name, value in found.items()}


def as_coreml_takes_them(inputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return images as PIL images, which coremltools wants, those of half floats in floats; all others as they are."""
    from PIL import Image

    def taken(value: NDArray[Any]) -> Any:
        if value.dtype == np.uint8:
            return Image.fromarray(value)
        return Image.fromarray(value.astype(np.float32)) if value.dtype == np.float16 else value

    return {name: taken(value) for name, value in inputs.items()}
