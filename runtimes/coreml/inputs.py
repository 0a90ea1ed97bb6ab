"""What a package of ours takes, from plain arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError, UnsupportedOpError
from pam_edge.runtimes.coreml.model import Model, load
from pam_edge.runtimes.guards import check_picture


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
    match () if image is None else image.shape[:2] if image.kind == "image" else image.shape[-2:]:
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
    image: NDArray[np.uint8],
    trimap: NDArray[np.uint8],
    budget: float | None = None,
) -> dict[str, NDArray[Any]]:
    """Return image uint8[H, W, 3] and trimap uint8[H, W] as the package takes them: images, or arrays in NCHW.

    With a budget, which a dynamic graph takes, as float32[1].

    Raises:
        UsageError: if they are not of the package's size.
    """
    function = function_name(model, entry_point)
    check_picture(image, trimap, *image_size(model, function))
    features = model.inputs(function)
    more: dict[str, NDArray[Any]] = {} if budget is None else {"budget": np.array([budget], np.float32)}
    if next(feature for feature in features if feature.name == "image").kind == "image":
        return {"image": image, "trimap": trimap} | more
    return more | {
        "image": image.transpose(2, 0, 1)[None].astype(np.float32),
        "trimap": trimap[None, None].astype(np.float32),
    }
