"""Run .tflite files with the LiteRT interpreter and its XNNPACK delegate."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import Divergence, Expectation, Inspection
from pam_edge.runtimes.first_divergence import by_weights, first_unmatched
from pam_edge.runtimes.guards import WITHOUT_A_PROBE, control_flow
from pam_edge.runtimes.tflite.dynamic import LiteRTDynamicModel, LiteRTProbe
from pam_edge.runtimes.tflite.inspection import inspect_signature
from pam_edge.runtimes.tflite.signature import Signature


class LiteRTRuntime:
    """Loads signatures of .tflite files."""

    name = "litert"

    def load(self, file: Path, entry_point: str, *, threads: int) -> LiteRTModel:
        """See ``Runtime.load``."""
        return LiteRTModel(Signature(file, entry_point, threads))

    def load_dynamic(self, file: Path, entry_point: str, *, threads: int) -> LiteRTDynamicModel:
        """See ``Runtime.load_dynamic``."""
        with control_flow():
            return LiteRTDynamicModel(Signature(file, entry_point, threads))

    def load_probe(self, file: Path, entry_point: str, *, threads: int) -> LiteRTProbe:
        """See ``Runtime.load_probe``."""
        with control_flow(WITHOUT_A_PROBE):
            return LiteRTProbe(Signature(file, entry_point, threads))

    def first_divergence(self, file: Path, entry_point: str, expected: Expectation) -> Divergence | None:
        """See ``Runtime.first_divergence``: runs without the delegate, keeping every tensor."""
        try:
            signature = Signature(file, entry_point, threads=1)
        except ArtifactError as error:
            return Divergence(None, None, str(error))
        # A dynamic graph keeps the values of its branches to itself: weights alone are compared.
        if expected.budget is None:
            tensors = signature.tensors(expected.image, expected.trimap)
            block = first_unmatched(expected.blocks, tensors, expected.float32_tolerance)
            if block is not None:
                return Divergence(block, None, "no intermediate value of the file is this block's output")
        return by_weights(expected.blocks, file.read_bytes())

    def inspect(self, file: Path, entry_point: str) -> Inspection:
        """See ``Runtime.inspect``."""
        return inspect_signature(file, entry_point)

    def versions(self) -> dict[str, str]:
        """See ``Runtime.versions``."""
        return {"ai-edge-litert": version("ai-edge-litert")}


class LiteRTModel:
    """A path in a .tflite file."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self.height, self.width, self.ran_on = signature.height, signature.width, signature.ran_on

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``LoadedModel.__call__``."""
        return self._signature(image, trimap)["alpha"]
