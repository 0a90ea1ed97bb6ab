"""Run Core ML packages with Core ML itself, which exists on macOS alone."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError
from pam_edge.toolchains import UNUSED_BY_COREMLTOOLS, hidden

with hidden(*UNUSED_BY_COREMLTOOLS):
    import coremltools as ct


def is_available() -> bool:
    """Return whether Core ML can run here."""
    return platform.system() == "Darwin"


class NativeModel:
    """One function of a package, compiled and run by Core ML on all compute units."""

    def __init__(self, file: Path, function: str | None) -> None:
        try:
            self._model: Any = ct.models.MLModel(str(file), function_name=function)
        except (RuntimeError, ValueError) as error:
            raise ArtifactError(f"{file}: Core ML does not load it: {error}") from error
        self.ran_on = f"Core ML, macOS {platform.mac_ver()[0]}, compute units as Core ML chooses"

    def predict(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return outputs by name; uint8 arrays go in as images, everything else as multi-arrays."""
        from PIL import Image

        given = {name: Image.fromarray(v) if v.dtype == np.uint8 else v for name, v in inputs.items()}
        return {name: np.asarray(value) for name, value in self._model.predict(given).items()}
