"""Run dynamic and probe graphs in .pte files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from pam_edge.runtimes.base import DynamicMatte
from pam_edge.runtimes.executorch.method import Method


class ExecuTorchDynamicModel:
    """A dynamic graph in a .pte file."""

    def __init__(self, method: Method) -> None:
        self._method = method
        self.height, self.width, self.ran_on = method.height, method.width, method.ran_on

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8], budget: float) -> DynamicMatte:
        """See ``LoadedDynamicModel.__call__``."""
        alpha, path, cost = self._method(image, trimap, torch.tensor([budget], dtype=torch.float32))
        bits = "".join("1" if runs else "0" for runs in path.tolist())
        return DynamicMatte(alpha[0, 0].numpy().copy(), bits, float(cost))


class ExecuTorchProbe:
    """A probe graph in a .pte file."""

    def __init__(self, method: Method) -> None:
        self._method = method
        self.height, self.width, self.ran_on = method.height, method.width, method.ran_on

    def __call__(
        self, image: NDArray[np.uint8], trimap: NDArray[np.uint8], path: Sequence[bool]
    ) -> NDArray[np.float32]:
        """See ``LoadedProbe.__call__``."""
        alpha, _ = self._method(image, trimap, torch.tensor([float(runs) for runs in path]))
        result: NDArray[np.float32] = alpha[0, 0].numpy().copy()
        return result
