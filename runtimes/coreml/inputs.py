"""What a package of ours takes, from plain arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError, UnsupportedOpError
from pam_edge.runtimes.base import LastFrame, TensorNames
from pam_edge.runtimes.coreml.features import Feature
from pam_edge.runtimes.coreml.model import Model, load
from pam_edge.runtimes.guards import check_bytes, check_names, last_inputs
from pam_edge.terms import PREVIOUS_PATH


def load_ours(file: Path) -> Model:
    """Load a package that a converter of ours has made.

    Raises:
        ArtifactError: if it cannot be, also if it holds operators that this runtime does not know: ours hold none.
    """
    try:
        return load(file)
    except UnsupportedOpError as error:
        raise ArtifactError(f"{error} pam-edge's own packages hold no such thing: convert {file} again.") from error


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
    """Return height and width of the input image.

    Raises:
        ArtifactError: if the function takes no image of one size: then the package is none of ours.
    """
    inputs = {feature.name: feature for feature in model.inputs(function)}
    image = inputs.get("image")
    match () if image is None else _plane(image):
        case (int(height), int(width)):
            return height, width
    found = ", ".join(f"'{name}' {feature.sizes}" for name, feature in inputs.items())
    raise ArtifactError(
        f"Expected {model.path} to take an image of one size, as pam-edge's packages do; found {found}. "
        "Use pam_edge.runtimes.coreml.load for other packages."
    )


def model_inputs(
    model: Model,
    entry_point: str,
    names: TensorNames,
    image: NDArray[np.uint8],
    source: NDArray[np.uint8],
    control: NDArray[np.float32] | None,
    last: LastFrame | None,
) -> dict[str, NDArray[Any]]:
    """Return image uint8[H, W, 3] and source uint8[h, w] as the package takes them: images, or arrays in NCHW.

    With what steers a graph that chooses, as it is, and what a live graph takes of the last frame.

    Raises:
        UsageError: if they are not of the package's size, or the last frame does not fit.
    """
    function = function_name(model, entry_point)
    features = {feature.name: feature for feature in model.inputs(function)}
    check_names(model.path, entry_point, names.inputs, features)
    check_bytes("image", image, (*image_size(model, function), 3))
    check_bytes(names.source, source, _plane(features[names.source]))
    more: dict[str, NDArray[Any]] = {}
    if names.control is not None and control is not None:
        more[names.control] = control
    blocks = features[PREVIOUS_PATH].shape[0] or 0 if PREVIOUS_PATH in features else 0
    height, width = image_size(model, function)
    for name, value in last_inputs(names, last, height, width, blocks).items():
        more[name] = _as_taken(features[name], value)
    if features["image"].kind == "image":
        return {"image": image, names.source: source} | more
    return more | {
        "image": image.transpose(2, 0, 1)[None].astype(np.float32),
        names.source: source[None, None].astype(np.float32),
    }


def _as_taken(feature: Feature, value: NDArray[np.float32]) -> NDArray[Any]:
    """Return float32[H, W] as a half-float image or in NCHW, and a path as it is."""
    if feature.kind == "image":
        return value.astype(np.float16)
    return value[None, None] if value.ndim == len(("height", "width")) else value


def _plane(feature: Feature) -> tuple[int | None, ...]:
    """Return height and width of an input that is a picture, or an array in NCHW; None where it takes several."""
    return feature.shape[:2] if feature.kind == "image" else feature.shape[-2:]
