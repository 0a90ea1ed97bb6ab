"""Random changes to shapes and layers, each a function of a generator; what happens to colours is in camera.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def random_warp(
    rng: np.random.Generator, crop: int, centre: tuple[float, float], scale: float, max_degrees: float
) -> Floats:
    """Return the 2x3 matrix from crop to source pixels: flip, turn and scale about a centre, a little off it."""
    angle = np.deg2rad(rng.uniform(-max_degrees, max_degrees))
    flip = -1.0 if rng.random() < 0.5 else 1.0
    stretch = np.exp(rng.uniform(-0.1, 0.1))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
    matrix = turn @ np.diag([flip * stretch, 1 / stretch])
    offset = np.full(2, crop / 2) + rng.uniform(-crop / 4, crop / 4, 2)
    shift = np.array(centre) - matrix @ offset
    return np.column_stack([matrix, shift]).astype(np.float32)


def sample_levels(levels: tuple[Pixels, ...], matrix: Floats, crop: int, border: int) -> Pixels:
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
    return np.asarray(cv2.warpAffine(levels[index], scaled, (crop, crop), flags=flags, borderMode=border), np.uint8)


def smooth_background(rng: np.random.Generator, crop: int) -> Pixels:
    """Return a backdrop without detail: a gradient between a few near colours."""
    base = rng.uniform(0, 255, 3)
    grid = np.clip(base + rng.normal(0, rng.uniform(0, 40), (3, 3, 3)), 0, 255).astype(np.float32)
    return np.asarray(cv2.resize(grid, (crop, crop), interpolation=cv2.INTER_LINEAR), np.uint8)


def put_over(top: Pixels, below: Pixels) -> Pixels:
    """Compose one RGBA cut-out over another, both straight."""
    upper, lower = (part[..., 3:].astype(np.float32) / np.float32(255) for part in (top, below))
    alpha = upper + lower * (1 - upper)
    result = np.empty(top.shape, np.float32)
    np.subtract(top[..., :3], below[..., :3], out=result[..., :3], dtype=np.float32)
    result[..., :3] *= upper / np.maximum(alpha, np.float32(1e-4))
    result[..., :3] += below[..., :3]
    result[..., 3:] = alpha * 255
    return np.asarray(np.rint(result, out=result), np.uint8)


def put_into(top: Pixels, back: Pixels) -> Pixels:
    """Compose an RGBA cut-out into an opaque RGB picture."""
    return put_over(top, np.dstack([back, np.full(back.shape[:2], 255, np.uint8)]))[..., :3]


def blur_cutout(cutout: Pixels, blur: Callable[[Floats], Floats]) -> Pixels:
    """Blur an RGBA cut-out with its alpha, as lenses and motion do; colours weigh by alpha.

    Where hardly anything is left of the subject its colour stays what it was: it must not fade to black.
    """
    premultiplied = cutout.astype(np.float32)
    premultiplied[..., :3] *= premultiplied[..., 3:] / np.float32(255)
    blurred = blur(premultiplied)
    soft = blurred[..., 3:]
    blurred[..., :3] /= np.maximum(soft / np.float32(255), np.float32(1e-3))
    np.rint(np.clip(blurred, 0, 255, out=blurred), out=blurred)
    result = blurred.astype(np.uint8)
    np.copyto(result[..., :3], cutout[..., :3], where=soft <= 2.5)
    return result


def defocus(rng: np.random.Generator) -> Callable[[Floats], Floats]:
    """Return a Gaussian blur: out of focus by a little."""
    sigma = float(rng.uniform(0.4, 2.0))
    return partial(cv2.GaussianBlur, ksize=(0, 0), sigmaX=sigma, borderType=cv2.BORDER_REPLICATE)


def movement(rng: np.random.Generator) -> Callable[[Floats], Floats]:
    """Return the blur of a straight movement."""
    return partial(cv2.filter2D, ddepth=-1, kernel=motion_kernel(rng), borderType=cv2.BORDER_REPLICATE)


def motion_kernel(rng: np.random.Generator) -> Floats:
    """Return the kernel of a straight movement of 2 to 12 pixels."""
    length = float(np.exp(rng.uniform(np.log(2), np.log(12))))
    side = 2 * int(np.ceil(length / 2)) + 1
    angle, middle = rng.uniform(0, np.pi), (side - 1) / 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    ends = [np.rint((middle + sign * reach) * 16).astype(int).tolist() for sign in (-1, 1)]
    kernel = np.zeros((side, side), np.uint8)
    cv2.line(kernel, ends[0], ends[1], 255, 1, cv2.LINE_AA, 4)
    return np.asarray(kernel / np.float32(kernel.sum()), np.float32)
