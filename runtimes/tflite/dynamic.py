"""Run dynamic and probe graphs in .tflite files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pam_edge.runtimes.base import DynamicMatte
from pam_edge.runtimes.tflite.signature import Signature


class LiteRTDynamicModel:
    """A dynamic graph in a .tflite file."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self.height, self.width, self.ran_on = signature.height, signature.width, signature.ran_on

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8], budget: float) -> DynamicMatte:
        """See ``LoadedDynamicModel.__call__``."""
        outputs = self._signature(image, trimap, budget=np.array([budget], np.float32))
        path = "".join("1" if runs else "0" for runs in outputs["path"])
        return DynamicMatte(outputs["alpha"], path, float(outputs["cost"][0]))


class LiteRTProbe:
    """A probe graph in a .tflite file."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self.height, self.width, self.ran_on = signature.height, signature.width, signature.ran_on

    def __call__(
        self, image: NDArray[np.uint8], trimap: NDArray[np.uint8], path: Sequence[bool]
    ) -> NDArray[np.float32]:
        """See ``LoadedProbe.__call__``."""
        return self._signature(image, trimap, path=np.array(path, np.float32))["alpha"]
