"""Held-out composites: cut-outs that training never saw, at their own scale, over held-out backgrounds."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.evaluation.datasets import Case, Sample
from pam_edge.learning.config import DataConfig
from pam_edge.learning.library import Background, Foreground, load_library, source_of
from pam_edge.matting.trimaps import trimap_from_alpha

LARGEST_SIDE = 384
_TRUTH_LEFT_OUT = "pred_"
"""Sources whose alpha is itself a network's guess; the data's own page forbids scoring on them."""


def heldout_cases(config: DataConfig, largest_side: int = LARGEST_SIDE) -> tuple[Case, ...]:
    """List one composite for each held-out cut-out whose alpha was made by people and leaves both regions known.

    Args:
        config: where the data is; decides the split.
        largest_side: in pixels; bigger composites are shrunk to it.
    """
    library = load_library(config, held_out=True)
    scored = [
        item for item in library.foregrounds if _is_scored(item.name, config) and _TRUTH_LEFT_OUT not in item.name
    ]
    backs = [item for item in library.backgrounds if _is_scored(item.name, config)]
    cases = (
        Case(item.name, partial(compose_case, item, backs[index % len(backs)], largest_side))
        for index, item in enumerate(scored)
    )
    return tuple(case for case in cases if len(np.unique(case.load().trimap)) == 3)


def _is_scored(name: str, config: DataConfig) -> bool:
    return not config.scored or source_of(name) in config.scored


def compose_case(front: Foreground, back: Background, largest_side: int) -> Sample:
    """Compose without noise or colour changes, with the trimap that scores are measured with."""
    rgba = front.levels[0]
    height, width = rgba.shape[:2]
    scale = min(1.0, largest_side / max(height, width))
    rgba = cv2.resize(rgba, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    alpha = rgba[..., 3].astype(np.float32) / np.float32(255)
    behind = _cover(back.levels[0], *alpha.shape)
    image = behind + (rgba[..., :3].astype(np.float32) - behind) * alpha[..., None]
    return Sample(np.rint(image).astype(np.uint8), trimap_from_alpha(alpha), alpha)


def _cover(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float32]:
    scale = max(height / picture.shape[0], width / picture.shape[1])
    size = (max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation)[:height, :width], np.float32)
