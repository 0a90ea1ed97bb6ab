"""Run dynamic graphs in Core ML packages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pam_edge.runtimes.base import DynamicMatte
from pam_edge.runtimes.coreml.inputs import function_name, image_size, load_ours, model_inputs

Predict = Callable[[dict[str, NDArray[Any]]], dict[str, NDArray[Any]]]
"""Runs a package: arrays by input name to arrays by output name."""


class CoreMLDynamicModel:
    """A dynamic graph in a .mlpackage."""

    def __init__(self, file: Path, entry_point: str, predict: Predict | None = None, ran_on: str | None = None) -> None:
        self._read = load_ours(file)
        self._entry_point = entry_point
        self._predict = predict or self._read.predict
        self.height, self.width = image_size(self._read, function_name(self._read, entry_point))
        self.ran_on = ran_on or "pam-edge's Core ML reference runtime on this CPU"

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8], budget: float) -> DynamicMatte:
        """See ``LoadedDynamicModel.__call__``."""
        outputs = self._predict(model_inputs(self._read, self._entry_point, image, trimap, budget))
        alpha = np.asarray(outputs["alpha"], np.float32).reshape(self.height, self.width)
        path = "".join("1" if runs else "0" for runs in outputs["path"])
        return DynamicMatte(alpha, path, float(outputs["cost"][0]))
