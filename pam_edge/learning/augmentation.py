"""Random changes to pictures, each a function of a generator and float32 pixels in 0..255."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]


def jitter_colour(rng: np.random.Generator, colour: Picture, strength: float = 1.0) -> Picture:
    """Change gamma, brightness, contrast and saturation of float32[H, W, 3] pixels."""
    amounts = rng.uniform(-1.0, 1.0, 4) * strength
    # A table of 1024 entries is much cheaper than a power for every pixel.
    levels = np.linspace(0.0, 1.0, 1024, dtype=np.float32) ** np.float32(np.exp(0.4 * amounts[0]))
    toned = np.clip((levels - 0.5) * (1 + 0.2 * amounts[1]) + 0.5 + 0.1 * amounts[2], 0, 1) * 255
    out = toned[np.clip(colour * (1023 / 255), 0, 1023).astype(np.int16)]
    if rng.random() < 0.5:
        grey = out.mean(2, keepdims=True)
        out = grey + (out - grey) * np.float32(1 + 0.5 * amounts[3])
    if rng.random() < 0.5:
        out = out * (1 + 0.1 * strength * rng.uniform(-1, 1, 3)).astype(np.float32)
    return np.asarray(np.clip(out, 0, 255), np.float32)


def add_noise(rng: np.random.Generator, picture: Picture) -> Picture:
    """Add what cameras and files add: grain, sometimes coarse, and JPEG artefacts."""
    if rng.random() < 0.5:
        height, width = picture.shape[:2]
        sigma = np.float32(rng.uniform(0.5, 8.0))
        grain = rng.standard_normal((height, width, 3), np.float32) * sigma
        if rng.random() < 0.4:
            grain = cv2.GaussianBlur(grain, (3, 3), 0) * np.float32(2.0)
        picture = picture + grain
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(50, 96))]
        encoded = cv2.imencode(".jpg", np.clip(picture, 0, 255).astype(np.uint8), quality)[1]
        picture = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.float32)
    return picture


def random_warp(
    rng: np.random.Generator, crop: int, centre: tuple[float, float], scale: float, max_degrees: float
) -> NDArray[np.float32]:
    """Return the 2x3 matrix from crop to source pixels: flip, turn and scale about a centre, a little off it."""
    angle = np.deg2rad(rng.uniform(-max_degrees, max_degrees))
    flip = -1.0 if rng.random() < 0.5 else 1.0
    stretch = np.exp(rng.uniform(-0.1, 0.1))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
    matrix = turn @ np.diag([flip * stretch, 1 / stretch])
    offset = np.full(2, crop / 2) + rng.uniform(-crop / 4, crop / 4, 2)
    shift = np.array(centre) - matrix @ offset
    return np.column_stack([matrix, shift]).astype(np.float32)


def sample_levels(
    levels: tuple[NDArray[np.uint8], ...], matrix: NDArray[np.float32], crop: int, border: int
) -> Picture:
    """Resample the level whose pixels are about as fine as the crop's.

    Args:
        levels: uint8[H, W, C], each half the size of the one before.
        matrix: from crop to level 0 pixels.
        crop: side of the result.
        border: OpenCV border mode.
    """
    spacing = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    index = int(np.clip(np.floor(np.log2(max(spacing, 1e-3)) + 0.3), 0, len(levels) - 1))
    scaled = matrix / np.float32(2**index)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(levels[index], scaled, (crop, crop), flags=flags, borderMode=border), np.float32)


def smooth_background(rng: np.random.Generator, crop: int) -> Picture:
    """Return a backdrop without detail: a gradient between a few near colours."""
    base = rng.uniform(0, 255, 3)
    grid = np.clip(base + rng.normal(0, rng.uniform(0, 40), (3, 3, 3)), 0, 255).astype(np.float32)
    picture: Picture = cv2.resize(grid, (crop, crop), interpolation=cv2.INTER_LINEAR)
    return picture
