"""Trimaps made from alpha mattes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Matte = NDArray[np.float32]

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255
EVALUATION_RADIUS = 10.0
OPAQUE_FROM, TRANSPARENT_TO = 0.98, 0.02
"""Alphas beyond these count as certain before erosion; 5/255 either way, what 8-bit mattes can tell apart."""


def trimap_from_alpha(
    alpha: Matte,
    foreground_radius: float | Matte = EVALUATION_RADIUS,
    background_radius: float | Matte = EVALUATION_RADIUS,
) -> NDArray[np.uint8]:
    """Erode the certain foreground and background by radii in pixels; what is left over is unknown.

    Args:
        alpha: float32[H, W], 0..1.
        foreground_radius: how far unknown reaches into the foreground; a number, or one for each pixel.
        background_radius: how far unknown reaches into the background.

    Returns:
        uint8[H, W] of 0, 128 and 255.
    """
    trimap = np.full(alpha.shape, UNKNOWN, np.uint8)
    trimap[_depth(alpha >= OPAQUE_FROM) > foreground_radius] = FOREGROUND
    trimap[_depth(alpha <= TRANSPARENT_TO) > background_radius] = BACKGROUND
    return trimap


def _depth(mask: NDArray[np.bool_]) -> Matte:
    """Return each pixel's distance to the nearest one outside the mask; the picture's border is no outside."""
    depth: Matte = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    return depth


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
