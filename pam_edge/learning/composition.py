"""Layers of training crops: a cut-out, a background and a trimap, with everything random decided by one seed per crop.

Here is what needs one crop at a time: geometry, blur and distances. Colours, composition and what cameras do follow in
camera.py, for a whole batch and on the device that trains.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pam_edge.learning.augmentation import (
    Floats,
    Pixels,
    blur_cutout,
    defocus,
    movement,
    put_into,
    put_over,
    random_warp,
    sample_levels,
    smooth_background,
)
from pam_edge.learning.camera import draw_settings
from pam_edge.learning.config import DataConfig
from pam_edge.learning.library import Library
from pam_edge.learning.trimaps import random_trimap
from pam_edge.matting.trimaps import UNKNOWN

FEWEST_UNKNOWN_PIXELS = 64
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Crop:
    """What one training example is made of, S pixels square.

    Attributes:
        front: uint8[S, S, 4], RGBA, straight.
        back: uint8[S, S, 3], RGB.
        trimap: uint8[S, S], 0, 128 or 255.
        settings: float32[P], what is done to its colours; see camera.py.
    """

    front: Pixels
    back: Pixels
    trimap: Pixels
    settings: Floats


class Composer:
    """Makes crop number ``i``; the same seed and number give the same crop on every worker and every run."""

    def __init__(self, library: Library, config: DataConfig, seed: int) -> None:
        self.library = library
        self.config = config
        self.seed = seed
        weights = np.array([item.weight for item in library.foregrounds])
        self._cumulative = np.cumsum(weights / weights.sum())

    def make(self, number: int, size: int) -> Crop:
        """Make the layers of one crop; a draw without unknown pixels is drawn again."""
        rng = np.random.default_rng((self.seed, number))
        for _ in range(_TRIES):
            crop = self._compose(rng, size)
            if np.count_nonzero(crop.trimap == UNKNOWN) >= FEWEST_UNKNOWN_PIXELS:
                break
        return crop

    def _compose(self, rng: np.random.Generator, size: int) -> Crop:
        front = self._foreground(rng, size)
        if rng.random() < self.config.two_foregrounds:
            front = put_over(front, self._foreground(rng, size))
        if rng.random() < 0.25:
            front = blur_cutout(front, defocus(rng))
        if rng.random() < self.config.motion_blur:
            front = blur_cutout(front, movement(rng))
        alpha = front[..., 3].astype(np.float32) / np.float32(255)
        trimap = random_trimap(rng, alpha, self.config)
        return Crop(front, self._background(rng, size), trimap, draw_settings(rng, self.config))

    def _foreground(self, rng: np.random.Generator, size: int) -> Pixels:
        pick = int(np.searchsorted(self._cumulative, rng.random()))
        item = self.library.foregrounds[min(pick, len(self.library.foregrounds) - 1)]
        low, high = np.log(self.config.scale[0]), np.log(self.config.scale[1])
        scale = float(np.exp(rng.uniform(low, high)))
        x, y = item.anchors[rng.integers(len(item.anchors))]
        matrix = random_warp(rng, size, (float(x), float(y)), scale, 20.0)
        return sample_levels(item.levels, matrix, size, cv2.BORDER_CONSTANT)

    def _background(self, rng: np.random.Generator, size: int) -> Pixels:
        if rng.random() < self.config.flat_background:
            return smooth_background(rng, size)
        levels = self.library.backgrounds[rng.integers(len(self.library.backgrounds))].levels
        height, width = levels[0].shape[:2]
        scale = float(np.exp(rng.uniform(np.log(0.3), np.log(1.5))))
        centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
        matrix = random_warp(rng, size, centre, scale, 15.0)
        back = sample_levels(levels, matrix, size, cv2.BORDER_REFLECT_101)
        if rng.random() < self.config.clutter:
            back = put_into(self._foreground(rng, size), back)
        if rng.random() < 0.3:
            back = np.asarray(cv2.GaussianBlur(back, (0, 0), float(rng.uniform(0.5, 4.0))), np.uint8)
        return back
