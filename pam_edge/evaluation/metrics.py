"""Matting errors: SAD, MSE, Grad and Conn as Rhemann et al. 2009 define them, over the unknown region.

Scaling as the field prints it: SAD, Grad and Conn in thousands, MSE in thousandths. Alphas are float[H, W] in 0..1;
``unknown`` is bool[H, W], true where errors count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import UsageError

GRADIENT_SIGMA = 1.4
CONNECTIVITY_STEP = 0.1
CONNECTIVITY_TOLERANCE = 0.15
"""Distances below this count as connected: the exponent-free form of the published measure (theta in the paper)."""
_KERNEL_TAIL = 1e-2

Alpha = NDArray[np.floating]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scores:
    """Errors of one matte; lower is better.

    Attributes:
        sad: sum of absolute differences, in thousands.
        mse: mean squared difference, in thousandths.
        grad: gradient error, in thousands.
        conn: connectivity error, in thousands.
    """

    sad: float
    mse: float
    grad: float
    conn: float


def score(alpha: Alpha, target: Alpha, unknown: Mask) -> Scores:
    """Return all four errors.

    Raises:
        UsageError: if shapes differ, a value is no number, or no pixel is unknown: an empty region has no error.
    """
    return Scores(
        sad(alpha, target, unknown),
        mse(alpha, target, unknown),
        gradient_error(alpha, target, unknown),
        connectivity_error(alpha, target, unknown),
    )


def sad(alpha: Alpha, target: Alpha, unknown: Mask) -> float:
    """Return the sum of absolute differences over the unknown region, in thousands."""
    _check(alpha, target, unknown)
    return float(np.abs(alpha - target)[unknown].sum(dtype=np.float64) / 1000)


def mse(alpha: Alpha, target: Alpha, unknown: Mask) -> float:
    """Return the mean squared difference over the unknown region, in thousandths."""
    _check(alpha, target, unknown)
    return float(np.mean(np.square(alpha - target, dtype=np.float64)[unknown]) * 1000)


def dtssd(alphas: Sequence[Alpha], targets: Sequence[Alpha]) -> float:
    """Return a clip's flicker: how far alpha's changes from frame to frame are from the true ones, in hundredths.

    The root of the mean squared difference of the two changes over the whole picture, averaged over frames (Erofeev et
    al. 2015).

    Args:
        alphas: of two frames or more, float[H, W] in 0..1.
        targets: the same of the truth.
    """
    changes = ((a1 - a0) - (t1 - t0) for (a0, a1), (t0, t1) in zip(pairwise(alphas), pairwise(targets), strict=True))
    return float(np.mean([np.sqrt(np.mean(np.square(change, dtype=np.float64))) for change in changes]) * 100)


def gradient_error(alpha: Alpha, target: Alpha, unknown: Mask) -> float:
    """Return the sum of squared differences of gradient magnitudes over the unknown region, in thousands.

    Gradients are convolutions with first-order Gaussian derivatives of sigma 1.4, each of unit energy.
    """
    _check(alpha, target, unknown)
    difference = _gradient_magnitude(alpha) - _gradient_magnitude(target)
    return float(np.square(difference)[unknown].sum(dtype=np.float64) / 1000)


def _gradient_magnitude(alpha: Alpha) -> NDArray[np.float64]:
    smooth, slope = _gaussian_kernels(GRADIENT_SIGMA)
    # In double precision: OpenCV rounds differently by where in memory a picture lies, which shows in float32.
    image = alpha.astype(np.float64)
    border = cv2.BORDER_REPLICATE
    along_x = cv2.sepFilter2D(image, cv2.CV_64F, slope, smooth, borderType=border)
    along_y = cv2.sepFilter2D(image, cv2.CV_64F, smooth, slope, borderType=border)
    magnitude: NDArray[np.float64] = cv2.magnitude(along_x, along_y)
    return magnitude


def _gaussian_kernels(sigma: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Gaussian and its derivative, cut where the Gaussian falls under 0.01; their product has norm 1."""
    half = int(np.ceil(sigma * np.sqrt(-2 * np.log(np.sqrt(2 * np.pi) * sigma * _KERNEL_TAIL))))
    x = np.arange(-half, half + 1, dtype=np.float64)
    smooth = np.exp(-(x**2) / (2 * sigma**2))
    slope = -x * smooth
    # The energy of an outer product is the product of energies, so each factor may be normalised by itself.
    return smooth / np.linalg.norm(smooth), slope / np.linalg.norm(slope)


def connectivity_error(alpha: Alpha, target: Alpha, unknown: Mask) -> float:
    """Return the connectivity error over the unknown region, in thousands.

    A pixel is connected up to the highest threshold at which it belongs to the largest 4-connected region where both
    mattes reach that threshold. How far its alpha lies above that level counts when it is at least 0.15.
    """
    _check(alpha, target, unknown)
    level = _connected_level(np.minimum(alpha, target))
    difference = np.abs(_connectedness(alpha, level) - _connectedness(target, level))
    return float(difference[unknown].sum(dtype=np.float64) / 1000)


def _connected_level(both: Alpha) -> NDArray[np.float64]:
    """Return for each pixel the last threshold of an unbroken run from 0 at which it is in the largest region."""
    steps = np.arange(1, round(1 / CONNECTIVITY_STEP) + 1) * CONNECTIVITY_STEP
    level = np.zeros(both.shape)
    connected = np.ones(both.shape, bool)
    for threshold in steps:
        connected &= _largest_region(both >= threshold - 1e-9)
        level[connected] = threshold
        if not connected.any():
            break
    return level


def _largest_region(mask: Mask) -> Mask:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if len(stats) < 2:
        return np.zeros(mask.shape, bool)
    largest: Mask = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return largest


def _connectedness(alpha: Alpha, level: NDArray[np.float64]) -> NDArray[np.float64]:
    above = alpha - level
    return 1.0 - above * (above >= CONNECTIVITY_TOLERANCE)


def _check(alpha: Alpha, target: Alpha, unknown: Mask) -> None:
    if not alpha.shape == target.shape == unknown.shape or alpha.ndim != 2:
        raise UsageError(
            f"Expected alpha, target and unknown region of one shape [H, W]; got {alpha.shape}, {target.shape} and "
            f"{unknown.shape}."
        )
    if not unknown.any():
        raise UsageError("The unknown region is empty, so there is no error to measure. Check the trimap.")
    if not (np.isfinite(alpha[unknown]).all() and np.isfinite(target[unknown]).all()):
        raise UsageError("Expected finite alphas; found NaN or infinity in the unknown region.")
