"""Training crops: cut-outs composed over backgrounds, with everything random decided by one seed per crop."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.learning.augmentation import (
    Picture,
    add_noise,
    jitter_colour,
    random_warp,
    sample_levels,
    smooth_background,
)
from pam_edge.learning.config import DataConfig
from pam_edge.learning.library import Library
from pam_edge.learning.trimaps import Matte, random_trimap
from pam_edge.matting.trimaps import UNKNOWN

FEWEST_UNKNOWN_PIXELS = 64
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Crop:
    """One training example, S pixels square.

    Attributes:
        image: uint8[S, S, 3], RGB.
        trimap: uint8[S, S], 0, 128 or 255.
        alpha: float32[S, S], 0..1.
        contrast: float32[S, S], mean over the channels of |F - B| in 0..1. With it the composition loss needs neither
            picture: ``|(a F + (1 - a) B) - (b F + (1 - b) B)| = |a - b| |F - B|``.
    """

    image: NDArray[np.uint8]
    trimap: NDArray[np.uint8]
    alpha: Matte
    contrast: Matte


class Composer:
    """Makes crop number ``i``; the same seed and number give the same crop on every worker and every run."""

    def __init__(self, library: Library, config: DataConfig, seed: int) -> None:
        self.library = library
        self.config = config
        self.seed = seed
        weights = np.array([item.weight for item in library.foregrounds])
        self._cumulative = np.cumsum(weights / weights.sum())

    def make(self, number: int, size: int) -> Crop:
        """Compose one crop; a draw without unknown pixels is drawn again."""
        rng = np.random.default_rng((self.seed, number))
        for _ in range(_TRIES):
            crop = self._compose(rng, size)
            if np.count_nonzero(crop.trimap == UNKNOWN) >= FEWEST_UNKNOWN_PIXELS:
                break
        return crop

    def _compose(self, rng: np.random.Generator, size: int) -> Crop:
        colour, alpha = self._foreground(rng, size)
        if rng.random() < self.config.two_foregrounds:
            colour, alpha = _over(self._foreground(rng, size), (colour, alpha))
        back = self._background(rng, size)
        colour, alpha, back = _defocus(rng, colour, alpha, back)
        image = back + (colour - back) * alpha[..., None]
        contrast = np.abs(colour - back).mean(2) / np.float32(255)
        trimap = random_trimap(rng, alpha, self.config.trimap_radius, self.config.evaluation_radius_share)
        image = add_noise(rng, jitter_colour(rng, image, 0.5) if rng.random() < 0.5 else image)
        return Crop(np.clip(image, 0, 255).astype(np.uint8), trimap, alpha, contrast.astype(np.float32))

    def _foreground(self, rng: np.random.Generator, size: int) -> tuple[Picture, Matte]:
        pick = int(np.searchsorted(self._cumulative, rng.random()))
        item = self.library.foregrounds[min(pick, len(self.library.foregrounds) - 1)]
        low, high = np.log(self.config.scale[0]), np.log(self.config.scale[1])
        scale = float(np.exp(rng.uniform(low, high)))
        x, y = item.anchors[rng.integers(len(item.anchors))]
        matrix = random_warp(rng, size, (float(x), float(y)), scale, 20.0)
        rgba = sample_levels(item.levels, matrix, size, cv2.BORDER_CONSTANT)
        return jitter_colour(rng, rgba[..., :3]), np.asarray(rgba[..., 3] / np.float32(255), np.float32)

    def _background(self, rng: np.random.Generator, size: int) -> Picture:
        if rng.random() < self.config.flat_background:
            return smooth_background(rng, size)
        levels = self.library.backgrounds[rng.integers(len(self.library.backgrounds))].levels
        height, width = levels[0].shape[:2]
        scale = float(np.exp(rng.uniform(np.log(0.3), np.log(1.5))))
        centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
        matrix = random_warp(rng, size, centre, scale, 15.0)
        return jitter_colour(rng, sample_levels(levels, matrix, size, cv2.BORDER_REFLECT_101))


def _over(top: tuple[Picture, Matte], below: tuple[Picture, Matte]) -> tuple[Picture, Matte]:
    """Compose one cut-out over another into one straight-alpha cut-out."""
    alpha = top[1] + below[1] * (1 - top[1])
    share = (top[1] / np.maximum(alpha, np.float32(1e-4)))[..., None]
    colour = below[0] + (top[0] - below[0]) * share
    return np.asarray(colour, np.float32), np.asarray(alpha, np.float32)


def _defocus(rng: np.random.Generator, colour: Picture, alpha: Matte, back: Picture) -> tuple[Picture, Matte, Picture]:
    """Blur the foreground with its alpha, or the background alone, as lenses do."""
    if rng.random() < 0.25:
        sigma = float(rng.uniform(0.4, 2.0))
        premultiplied = cv2.GaussianBlur(np.dstack([colour * alpha[..., None], alpha]), (0, 0), sigma)
        soft = premultiplied[..., 3]
        straight = premultiplied[..., :3] / np.maximum(soft, np.float32(1e-3))[..., None]
        colour = np.where(soft[..., None] > 0.01, straight, colour)
        alpha = np.clip(soft, 0, 1)
    if rng.random() < 0.3:
        back = cv2.GaussianBlur(back, (0, 0), float(rng.uniform(0.5, 4.0)))
    return colour, alpha, back
