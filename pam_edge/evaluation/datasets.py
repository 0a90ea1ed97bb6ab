"""Test sets: where a picture, its true alpha and its trimap lie in published layouts and in plain folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import UsageError
from pam_edge.matting.images import read_image, read_mask, read_trimap
from pam_edge.matting.picture_files import namesake, pictures_in, unique_names
from pam_edge.matting.trimaps import EVALUATION_RADIUS, trimap_from_alpha


class UnusableCase(Exception):
    """A test case cannot be scored; the message is the reason. Caught where cases are scored."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A test case in memory.

    Attributes:
        image: uint8[H, W, 3], RGB.
        trimap: uint8[H, W], 0, 128 or 255.
        alpha: float32[H, W], 0..1, the truth.
    """

    image: NDArray[np.uint8]
    trimap: NDArray[np.uint8]
    alpha: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Case:
    """A named test case that is read when it is needed. ``load`` raises UnusableCase for a bad file.

    Attributes:
        name: of the case.
        load: reads it.
        group: of cases whose means are shown by themselves, such as ``hair``; empty where there are none.
    """

    name: str
    load: Callable[[], Sample]
    group: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """Names of the folders of a published test set, alternatives in order of preference."""

    images: tuple[str, ...]
    alphas: tuple[str, ...]
    trimaps: tuple[str, ...]


LAYOUTS: dict[str, Layout] = {
    "folder": Layout(("image", "images", "."), ("alpha", "alphas"), ("trimap", "trimaps")),
    "composition-1k": Layout(("merged", "input"), ("alpha_copy", "alpha"), ("trimaps", "trimap")),
    "distinctions-646": Layout(
        ("merged", "Image", "image"), ("alpha_copy", "GT", "alpha"), ("trimaps", "Trimap", "trimap")
    ),
    "transparent-460": Layout(("merged", "image"), ("alpha_copy", "alpha"), ("trimaps", "trimap")),
    "simd": Layout(("merged", "image"), ("alpha_copy", "alpha"), ("trimaps", "trimap")),
    "aim-500": Layout(("original",), ("mask",), ("trimap",)),
}
"""Folder names as the sets and the published evaluation scripts use them; sets that ship foregrounds alone have to be
composed first, as their authors prescribe. ``folder`` is any image/alpha(/trimap) folder, or one of images with
an alpha(/trimap) folder inside."""


def find_cases(root: Path, layout: str | None = None, radius: float = EVALUATION_RADIUS) -> tuple[Case, ...]:
    """List the cases of a test set; folders of such folders count together.

    Args:
        root: the folder.
        layout: a key of ``LAYOUTS``; None tries them in order.
        radius: of trimaps made from alpha, in pixels, where the set has none.

    Raises:
        UsageError: if the folder or layout is unknown, or nothing is found.
    """
    if not root.is_dir():
        raise UsageError(f"Expected a folder of test images at {root}; there is none.")
    if layout is not None and layout not in LAYOUTS:
        raise UsageError(f"Expected one of the layouts {', '.join(LAYOUTS)}; got {layout!r}.")
    for name in [layout] if layout else list(LAYOUTS):
        cases = _cases_below(root, LAYOUTS[name], radius)
        if cases:
            return cases
    tried = layout or ", ".join(LAYOUTS)
    raise UsageError(
        f"{root} holds no test set of layout {tried}. Expected folders such as image and alpha (and trimap) with files "
        "of the same names."
    )


def _cases_below(root: Path, layout: Layout, radius: float) -> tuple[Case, ...]:
    cases: list[Case] = []
    for folder in [root, *sorted(path for path in root.rglob("*") if path.is_dir())]:
        images, alphas = _first(folder, layout.images), _first(folder, layout.alphas)
        if images is None or alphas is None:
            continue
        prefix = "" if folder == root else folder.relative_to(root).as_posix() + "/"
        trimaps = _first(folder, layout.trimaps)
        files = pictures_in(images)
        cases.extend(
            Case(prefix + name, partial(load_sample, image, alphas, trimaps, radius))
            for name, image in zip(unique_names(files), files, strict=True)
        )
    return tuple(cases)


def _first(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def load_sample(image_path: Path, alphas: Path, trimaps: Path | None, radius: float) -> Sample:
    """Read one case, as pictures, masks and trimaps are read everywhere: a cut-out's alpha is its alpha channel.

    Raises:
        UnusableCase: if a file is missing or damaged, sizes differ, or no pixel is unknown.
    """
    try:
        image = read_image(image_path)
        height, width = image.shape[:2]
        mask = read_mask(_partner(image_path, alphas), height, width)
        given = read_trimap(_partner(image_path, trimaps), height, width) if trimaps else None
    except UsageError as error:
        raise UnusableCase(str(error)) from error
    alpha = mask.astype(np.float32) / np.float32(255)
    trimap = trimap_from_alpha(alpha, radius, radius) if given is None else given
    if not (trimap == 128).any():
        raise UnusableCase("no pixel is unknown, so nothing can be scored")
    return Sample(image, trimap, alpha)


def _partner(image: Path, folder: Path) -> Path:
    """Find the file of the same name; a composite named ``fg_3`` may belong to an alpha named ``fg``."""
    for stem in (image.stem, image.stem.rsplit("_", 1)[0]):
        found = namesake(folder, stem + image.suffix)
        if found is not None:
            return found
    raise UnusableCase(f"{folder.name} has no file named {image.stem}")
