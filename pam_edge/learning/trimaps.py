"""Trimaps for training: as users and tools draw them, not as evaluation does."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.learning.config import DataConfig
from pam_edge.matting.trimaps import BACKGROUND, FOREGROUND, UNKNOWN, trimap_from_alpha, trimap_from_mask

Matte = NDArray[np.float32]
_WIDEST_SHARE = 0.25
"""An unknown region reaches at most this share of a crop's side: beyond, hardly anything would be known."""


def random_trimap(rng: np.random.Generator, alpha: Matte, config: DataConfig) -> NDArray[np.uint8]:
    """Make a trimap as users and tools draw them: of any width, uneven, coarse, with needless unknown patches."""
    if rng.random() < config.evaluation_radius_share:
        return trimap_from_alpha(alpha)
    widest = max(config.trimap_radius[0], min(config.trimap_radius[1], _WIDEST_SHARE * alpha.shape[0]))
    radii = np.exp(rng.uniform(np.log(config.trimap_radius[0]), np.log(widest), 2))
    if rng.random() < config.degraded_masks:
        trimap = trimap_from_mask(degraded_mask(rng, alpha), 2 + round(float(radii.max())))
    elif rng.random() < 0.5:
        uneven = _smooth_field(rng, alpha.shape)
        trimap = trimap_from_alpha(alpha, radii[0] * uneven, radii[1] * uneven)
    else:
        trimap = trimap_from_alpha(alpha, float(radii[0]), float(radii[1]))
    if rng.random() < 0.15:
        _add_patch(rng, trimap)
    if rng.random() < config.one_sided:
        trimap[trimap == (FOREGROUND if rng.random() < 0.6 else BACKGROUND)] = UNKNOWN
    return trimap


def degraded_mask(rng: np.random.Generator, alpha: Matte) -> NDArray[np.uint8]:
    """Return a hard mask of a matte as phones give them: coarse, shifted by some pixels, with holes and islands."""
    height, width = alpha.shape
    factor = float(np.exp(rng.uniform(np.log(2), np.log(12))))
    size = (max(4, round(width / factor)), max(4, round(height / factor)))
    coarse = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), float(rng.uniform(0.3, 1.2)))
    coarse = (coarse + rng.normal(0, rng.uniform(0, 0.12), coarse.shape)).astype(np.float32)
    for _ in range(int(rng.integers(0, 3))):
        _add_patch(rng, coarse, float(rng.integers(2)), 12)
    shift = np.array([[1, 0, rng.normal(0, 1.5)], [0, 1, rng.normal(0, 1.5)]], np.float32)
    mask = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    mask = cv2.warpAffine(mask, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray((mask > rng.uniform(0.3, 0.6)) * np.uint8(255), np.uint8)


def _smooth_field(rng: np.random.Generator, shape: tuple[int, ...]) -> Matte:
    """Return factors between 0.3 and 1.7 that change slowly over the picture."""
    grid = rng.uniform(0.3, 1.7, (4, 4)).astype(np.float32)
    field: Matte = cv2.resize(grid, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return field


def _add_patch(rng: np.random.Generator, picture: NDArray, value: float = UNKNOWN, share: int = 5) -> None:  # type: ignore[type-arg]
    """Fill an ellipse of up to 1 / ``share`` of the picture's sides."""
    height, width = picture.shape
    centre = (int(rng.integers(width)), int(rng.integers(height)))
    least = 4 if min(height, width) > 4 * share else 1
    axes = (int(rng.integers(least, least + 1 + width // share)), int(rng.integers(least, least + 1 + height // share)))
    cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, value, -1)
