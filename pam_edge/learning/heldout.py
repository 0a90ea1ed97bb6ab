"""Held-out composites: cut-outs that training never saw, at their own scale, over held-out backgrounds.

The plain set measures what was measured from the start. The hair set has what is hard: heads with hair, strands drawn
for it, leaves and smoke, over photographs, as a camera would take them, with three widths of the unknown region.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.evaluation.datasets import Case, Sample
from pam_edge.learning.batches import finish_batch, stack
from pam_edge.learning.camera import draw_settings
from pam_edge.learning.composition import Crop
from pam_edge.learning.config import DataConfig
from pam_edge.learning.library import Background, Foreground, Pixels, load_library, source_of
from pam_edge.learning.pack import shrink_cutout
from pam_edge.learning.strands import draw_kind
from pam_edge.matting.trimaps import trimap_from_alpha

LARGEST_SIDE = 384
HAIR_RADII = (4.0, 10.0, 24.0)
"""Reach of the hair set's unknown regions, in pixels of pictures of at most 384."""

_TRUTH_LEFT_OUT = "pred_"
"""Sources whose alpha is itself a network's guess; the data's own page forbids scoring on them."""

CLASSES = {
    "hair": ("makehuman_*",),
    "translucent": ("*cloud*", "*cirr*", "*stratus*", "*smoke*", "*wave*", "freeorion*", "endless_sky_fx*"),
    "leaves": ("zeroad_*", "megaglest*", "flightgear*", "game_vegetation*", "redeclipse*", "stellarium*"),
    "painted": ("wesnoth*", "renpy*"),
    "solid": ("*",),
}
"""Kinds of subject, by patterns of source and name; the first that fits."""

_MOST_OF_A_CLASS = 8
_STRANDS = ("hair", "hair", "hair", "fur", "fur", "feather", "threads", "net")
_PHOTOGRAPHS = ("debian_wallpapers", "github_wallpapers", "ubuntu_mate", "opencv_samples", "endless_sky")


def heldout_cases(config: DataConfig, largest_side: int = LARGEST_SIDE) -> tuple[Case, ...]:
    """List one composite for each held-out cut-out whose alpha was made by people and leaves both regions known.

    Args:
        config: where the data is; decides the split, and the sources.
        largest_side: in pixels; bigger composites are shrunk to it.
    """
    scored, backs = heldout_layers(config)
    cases = (
        Case(item.name, partial(compose_case, item, backs[index % len(backs)], largest_side), class_of(item.name))
        for index, item in enumerate(scored)
    )
    return tuple(case for case in cases if len(np.unique(case.load().trimap)) == 3)


def heldout_layers(config: DataConfig) -> tuple[list[Foreground], list[Background]]:
    """Return the held-out cut-outs whose alpha was made by people, and the held-out backgrounds, of scored sources."""
    library = load_library(config, held_out=True)
    fronts = [item for item in library.foregrounds if _is_scored(item.name, config)]
    return (
        [item for item in fronts if _TRUTH_LEFT_OUT not in item.name],
        [item for item in library.backgrounds if _is_scored(item.name, config)],
    )


def hair_cases(config: DataConfig, largest_side: int = LARGEST_SIDE) -> tuple[Case, ...]:
    """List the hair set: up to eight held-out cut-outs of a class, and strands, each with three unknown regions.

    Args:
        config: where the data is; decides the split.
        largest_side: in pixels; bigger pictures are shrunk to it.
    """
    library = load_library(config, held_out=True)
    photographs = [item for item in library.backgrounds if source_of(item.name) in _PHOTOGRAPHS]
    backs = photographs or list(library.backgrounds)
    fronts = [*_chosen(library.foregrounds), *_drawn_strands(largest_side)]
    return tuple(
        Case(
            f"{name} {reach:.0f}", partial(_photograph, name, cutout, backs, largest_side, reach), f"{kind} {reach:.0f}"
        )
        for name, kind, cutout in fronts
        for reach in HAIR_RADII
    )


def class_of(name: str) -> str:
    """Return the kind of subject of a cut-out, a key of ``CLASSES``."""
    text = f"{source_of(name)}/{Path(name).stem}"
    return next(kind for kind, rules in CLASSES.items() if any(fnmatchcase(text, rule) for rule in rules))


def _is_scored(name: str, config: DataConfig) -> bool:
    return not config.scored or source_of(name) in config.scored


def _chosen(fronts: tuple[Foreground, ...]) -> Iterator[tuple[str, str, Pixels]]:
    """Yield name, class and pixels of the cut-outs of the hair set, evenly picked from each class."""
    for kind in CLASSES:
        found = [item for item in fronts if class_of(item.name) == kind and _TRUTH_LEFT_OUT not in item.name]
        picks = np.linspace(0, len(found) - 1, min(_MOST_OF_A_CLASS, len(found))).round().astype(int).tolist()
        for pick in picks:
            yield found[pick].name, kind, found[pick].levels[0]


def _drawn_strands(side: int) -> Iterator[tuple[str, str, Pixels]]:
    for number, kind in enumerate(_STRANDS):
        # Seeds that no training picture has: those are pairs of other numbers.
        yield f"drawn {kind} {number}", "strands", draw_kind(np.random.default_rng((5, 8, number)), kind, side)


def compose_case(front: Foreground, back: Background, largest_side: int) -> Sample:
    """Compose without noise or colour changes, with the trimap that scores are measured with."""
    rgba = front.levels[0]
    height, width = rgba.shape[:2]
    scale = min(1.0, largest_side / max(height, width))
    rgba = cv2.resize(rgba, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    alpha = rgba[..., 3].astype(np.float32) / np.float32(255)
    behind = cover(back.levels[0], *alpha.shape)
    image = behind + (rgba[..., :3].astype(np.float32) - behind) * alpha[..., None]
    return Sample(np.rint(image).astype(np.uint8), trimap_from_alpha(alpha), alpha)


def cover(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float32]:
    """Return the top left of a picture that is scaled to cover height and width: float32[height, width, 3]."""
    scale = max(height / picture.shape[0], width / picture.shape[1])
    size = (max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation)[:height, :width], np.float32)


def _photograph(name: str, cutout: Pixels, backs: list[Background], largest_side: int, radius: float) -> Sample:
    """Compose as training does, with a camera of one's own for each name; the same picture for every radius."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    front = _pad(shrink_cutout(cutout, largest_side))
    back = cover(backs[int(rng.integers(len(backs)))].levels[0], *front.shape[:2])
    alpha = front[..., 3].astype(np.float32) / np.float32(255)
    trimap = trimap_from_alpha(alpha, radius, radius)
    # What the camera does is not the recipe's: the set must not change with it.
    settings = draw_settings(rng, DataConfig())
    batch = finish_batch(stack([Crop(front, np.rint(back).astype(np.uint8), trimap, settings)]))
    return Sample(batch.image[0].permute(1, 2, 0).numpy().astype(np.uint8), trimap, alpha)


def _pad(cutout: Pixels) -> Pixels:
    """Add transparent pixels up to multiples of 32."""
    bottom, right = (-size % 32 for size in cutout.shape[:2])
    return np.asarray(cv2.copyMakeBorder(cutout, 0, bottom, 0, right, cv2.BORDER_CONSTANT), np.uint8)
