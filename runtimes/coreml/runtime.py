"""Run Core ML packages with the reference runtime, on any machine."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError, PamEdgeError
from pam_edge.runtimes.base import Divergence, Expectation, Inspection, LoadedProbe
from pam_edge.runtimes.coreml.dynamic import CoreMLDynamicModel
from pam_edge.runtimes.coreml.inputs import function_name, image_size, load_ours, model_inputs
from pam_edge.runtimes.coreml.inspection import inspect_function
from pam_edge.runtimes.coreml.localise import Localisation, localise
from pam_edge.runtimes.coreml.model import load_damaged
from pam_edge.runtimes.first_divergence import by_weights


class CoreMLRuntime:
    """Loads functions of .mlpackage folders for the reference runtime."""

    name = "reference"

    def load(self, file: Path, entry_point: str, *, threads: int) -> CoreMLModel:
        """See ``Runtime.load``; the number of threads is PyTorch's."""
        return CoreMLModel(file, entry_point)

    def load_dynamic(self, file: Path, entry_point: str, *, threads: int) -> CoreMLDynamicModel:
        """See ``Runtime.load_dynamic``."""
        return CoreMLDynamicModel(file, entry_point)

    def load_probe(self, file: Path, entry_point: str, *, threads: int) -> LoadedProbe:
        """Refuse: there are no probe graphs for Core ML.

        Raises:
            ArtifactError: always.
        """
        raise ArtifactError(f"{file}: Core ML packages have no probe graphs; they are measured path by path.")

    def first_divergence(self, file: Path, entry_point: str, expected: Expectation) -> Divergence | None:
        """See ``Runtime.first_divergence``: compares every operation's output, in the declared types and in float32."""
        try:
            model = load_damaged(file)
            found = localise(
                model,
                model_inputs(model, entry_point, expected.image, expected.trimap, expected.budget),
                [(block.block, block.values) for block in expected.blocks],
                details=expected.layers,
                function=function_name(model, entry_point),
                declared_tolerance=expected.tolerance,
                float32_tolerance=expected.float32_tolerance,
            )
        except PamEdgeError as error:
            return Divergence(None, None, str(error))
        if found.first_different is None:
            weights = file / "Data"
            stored = b"".join(each.read_bytes() for each in sorted(weights.rglob("*")) if each.is_file())
            return by_weights(expected.blocks, stored)
        return Divergence(found.first_different, _operation(found), _explanation(found))

    def inspect(self, file: Path, entry_point: str) -> Inspection:
        """See ``Runtime.inspect``."""
        return inspect_function(file, entry_point)

    def versions(self) -> dict[str, str]:
        """See ``Runtime.versions``."""
        return {"pam-edge": version("pam-edge"), "torch": version("torch")}


class CoreMLModel:
    """One function of a .mlpackage; the only function, whatever its name, where there is one."""

    def __init__(self, file: Path, entry_point: str) -> None:
        self._model = load_ours(file)
        self._entry_point = entry_point
        self._function = function_name(self._model, entry_point)
        self.height, self.width = image_size(self._model, self._function)
        self.ran_on = "pam-edge's Core ML reference runtime on this CPU"

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``LoadedModel.__call__``."""
        inputs = model_inputs(self._model, self._entry_point, image, trimap)
        alpha = self._model.predict(inputs, self._function)["alpha"]
        return np.asarray(alpha, np.float32).reshape(self.height, self.width)


def _operation(found: Localisation) -> str | None:
    return f"{found.suspect.kind} {found.suspect.output!r}" if found.suspect else None


def _explanation(found: Localisation) -> str:
    block = next(each for each in found.blocks if each.name == found.first_different)
    return (
        f"{found.verdict.value} (largest difference, as a share of the block's largest value: "
        f"{block.declared_error:.2g} with the declared types, {block.float32_error:.2g} in float32)"
    )
