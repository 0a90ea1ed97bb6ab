"""Run Core ML packages with the reference runtime, on any machine."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError, PamEdgeError
from pam_edge.runtimes.base import Divergence, Expectation, Inspection
from pam_edge.runtimes.coreml.inspection import inspect_function
from pam_edge.runtimes.coreml.localise import Localisation, localise
from pam_edge.runtimes.coreml.model import Model, load, load_damaged
from pam_edge.runtimes.matching import by_weights


class CoreMLRuntime:
    """Loads functions of .mlpackage folders for the reference runtime."""

    name = "reference"

    def load(self, file: Path, entry_point: str, *, threads: int) -> CoreMLModel:
        """See ``Runtime.load``; the number of threads is PyTorch's."""
        return CoreMLModel(file, entry_point)

    def first_divergence(self, file: Path, entry_point: str, expected: Expectation) -> Divergence | None:
        """See ``Runtime.first_divergence``: compares every operation's output, in the declared types and in float32."""
        try:
            model = load_damaged(file)
            found = localise(
                model,
                model_inputs(model, entry_point, expected.image, expected.trimap),
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
        self._model = load(file)
        self._entry_point = entry_point
        self._function = function_name(self._model, entry_point)
        self.height, self.width = image_size(self._model, self._function)
        self.ran_on = "pam-edge's Core ML reference runtime on this CPU"

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``LoadedModel.__call__``."""
        inputs = model_inputs(self._model, self._entry_point, image, trimap)
        alpha = self._model.predict(inputs, self._function)["alpha"]
        return np.asarray(alpha, np.float32).reshape(self.height, self.width)


def function_name(model: Model, entry_point: str) -> str:
    """Return the function of an entry point: the only one, or the one of its name.

    Raises:
        ArtifactError: if there are several, and none has that name.
    """
    if len(model.functions) == 1:
        return model.functions[0]
    if entry_point not in model.functions:
        names = ", ".join(model.functions)
        raise ArtifactError(f"{model.path} has the functions {names}; expected {entry_point!r}.")
    return entry_point


def image_size(model: Model, function: str) -> tuple[int, int]:
    """Return height and width of the input image."""
    image = next(feature for feature in model.inputs(function) if feature.name == "image")
    height, width = image.shape[:2] if image.kind == "image" else image.shape[-2:]
    assert height is not None and width is not None, "our packages have fixed sizes"
    return height, width


def model_inputs(
    model: Model, entry_point: str, image: NDArray[np.uint8], trimap: NDArray[np.uint8]
) -> dict[str, NDArray[np.generic]]:
    """Return image uint8[H, W, 3] and trimap uint8[H, W] as the package takes them: images, or arrays in NCHW."""
    features = model.inputs(function_name(model, entry_point))
    if next(feature for feature in features if feature.name == "image").kind == "image":
        return {"image": image, "trimap": trimap}
    return {
        "image": image.transpose(2, 0, 1)[None].astype(np.float32),
        "trimap": trimap[None, None].astype(np.float32),
    }


def _operation(found: Localisation) -> str | None:
    return f"{found.suspect.kind} {found.suspect.output!r}" if found.suspect else None


def _explanation(found: Localisation) -> str:
    block = next(each for each in found.blocks if each.name == found.first_different)
    return (
        f"{found.verdict.value} (largest difference, as a share of the block's largest value: "
        f"{block.declared_error:.2g} with the declared types, {block.float32_error:.2g} in float32)"
    )
