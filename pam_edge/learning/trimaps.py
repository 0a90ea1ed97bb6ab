"""Trimaps for training: as users and tools draw them, not as evaluation does."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.matting.trimaps import UNKNOWN, trimap_from_alpha

Matte = NDArray[np.float32]


def random_trimap(
    rng: np.random.Generator, alpha: Matte, radius: tuple[float, float], evaluation_share: float
) -> NDArray[np.uint8]:
    """Make a trimap as users and tools draw them: of any width, uneven, sometimes with needless unknown patches."""
    if rng.random() < evaluation_share:
        return trimap_from_alpha(alpha)
    low, high = np.log(radius[0]), np.log(radius[1])
    radii = np.exp(rng.uniform(low, high, 2))
    if rng.random() < 0.5:
        uneven = _smooth_field(rng, alpha.shape)
        trimap = trimap_from_alpha(alpha, radii[0] * uneven, radii[1] * uneven)
    else:
        trimap = trimap_from_alpha(alpha, float(radii[0]), float(radii[1]))
    if rng.random() < 0.15:
        _add_patch(rng, trimap)
    return trimap


def _smooth_field(rng: np.random.Generator, shape: tuple[int, ...]) -> Matte:
    """Return factors between 0.3 and 1.7 that change slowly over the picture."""
    grid = rng.uniform(0.3, 1.7, (4, 4)).astype(np.float32)
    field: Matte = cv2.resize(grid, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return field


def _add_patch(rng: np.random.Generator, trimap: NDArray[np.uint8]) -> None:
    height, width = trimap.shape
    centre = (int(rng.integers(width)), int(rng.integers(height)))
    axes = (int(rng.integers(4, 4 + width // 5)), int(rng.integers(4, 4 + height // 5)))
    cv2.ellipse(trimap, centre, axes, float(rng.uniform(0, 180)), 0, 360, UNKNOWN, -1)
