"""Trimaps: which pixels are background, foreground, or for the network to decide."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import UsageError

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255
"""What a trimap holds once it is clean."""

UNKNOWN_FROM, FOREGROUND_FROM = 64, 192
"""Greys below the first are background and greys from the second on are foreground: the graph contract's thresholds."""

CLEAR_UP_TO, SOLID_FROM = 5, 250
"""Mask greys this near to black or white are noise of an encoder, not softness: alpha 0.02 and 0.98."""

EVALUATION_RADIUS = 10.0
"""In pixels, of the trimaps that scores are measured with."""

OPAQUE_FROM, TRANSPARENT_TO = 0.98, 0.02
"""Alphas beyond these count as certain before erosion; 5/255 either way, what 8-bit mattes can tell apart."""

_REGIONS = {"background": BACKGROUND, "unknown region": UNKNOWN, "foreground": FOREGROUND}

_SHARE_OF_SHORT_SIDE = 0.02
_NARROWEST_BAND_PX = 4


def clean_trimap(trimap: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the trimap with its greys replaced by the three values they stand for.

    Args:
        trimap: uint8[H,W], any greys, such as those of a JPEG file or of a resized trimap.

    Returns:
        uint8[H,W] of 0, 128 and 255.
    """
    clean = np.full_like(trimap, UNKNOWN)
    clean[trimap < UNKNOWN_FROM] = BACKGROUND
    clean[trimap >= FOREGROUND_FROM] = FOREGROUND
    return clean


def what_is_missing(trimap: NDArray[np.uint8]) -> str | None:
    """Return a sentence on what a clean trimap lacks, and what follows; None where it has all three regions."""
    lacks = [kind for kind, value in _REGIONS.items() if not (trimap == value).any()]
    if not lacks:
        return None
    if "unknown region" in lacks:
        follows = "the cut-out is as hard as the trimap, and the network has nothing to do"
    else:
        follows = "the network has nothing to tell the two sides by, so expect guesswork"
    return f"The trimap has no {' and no '.join(lacks)}: {follows}. Check the trimap or mask."


def trimap_from_mask(mask: NDArray[np.uint8], band_px: int | None = None) -> NDArray[np.uint8]:
    """Return a trimap whose unknown region is a band around a mask's edge.

    Soft greys of the mask (alpha 0.02 to 0.98) are unknown wherever they are, and so is everything within the band's
    reach of them. The picture's border is no edge: a subject that leaves the picture stays foreground up to the border.

    Args:
        mask: uint8[H,W], 0 background to 255 foreground: a hard or soft mask, or an alpha matte.
        band_px: how far the unknown region reaches to each side of the edge, in pixels, measured to pixel centres;
            by default 2 % of the short side and at least 4, enough for the hair of a subject that fills the picture.

    Returns:
        uint8[H,W] of 0, 128 and 255.

    Raises:
        UsageError: if the band is negative.
    """
    reach = default_band_px(mask.shape[0], mask.shape[1]) if band_px is None else band_px
    if reach < 0:
        raise UsageError(f"Expected an unknown band of 0 pixels or more; got {reach}. Give the band's reach in pixels.")
    trimap = np.full_like(mask, UNKNOWN)
    trimap[_further_than(mask <= CLEAR_UP_TO, reach)] = BACKGROUND
    trimap[_further_than(mask >= SOLID_FROM, reach)] = FOREGROUND
    return trimap


def mask_from_trimap(
    trimap: NDArray[np.uint8], band_px: int, height: int | None = None, width: int | None = None
) -> NDArray[np.uint8]:
    """Return a mask whose band is about a trimap's unknown region: what ``trimap_from_mask`` undoes.

    Unknown pixels within the band's reach of a known one belong to the nearer side; what is further in stays soft.

    Args:
        trimap: uint8[H,W] of 0, 128 and 255.
        band_px: reach of the band that will be made of the mask.
        height: of the mask; None takes the trimap's.
        width: likewise.

    Returns:
        uint8[height,width] of 0, 128 and 255.
    """
    to_background, to_foreground = (_distance(trimap != side) for side in (BACKGROUND, FOREGROUND))
    mask = np.where(to_foreground <= to_background, FOREGROUND, BACKGROUND).astype(np.uint8)
    mask[np.minimum(to_background, to_foreground) > band_px] = UNKNOWN
    size = width or trimap.shape[1], height or trimap.shape[0]
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def trimap_from_alpha(
    alpha: NDArray[np.float32],
    foreground_radius: float | NDArray[np.float32] = EVALUATION_RADIUS,
    background_radius: float | NDArray[np.float32] = EVALUATION_RADIUS,
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


def default_band_px(height: int, width: int) -> int:
    """Return how far the unknown band of a mask reaches to each side of its edge, in pixels of the picture."""
    return max(_NARROWEST_BAND_PX, round(_SHARE_OF_SHORT_SIDE * min(height, width)))


def _further_than(inside: NDArray[np.bool_], reach_px: int) -> NDArray[np.bool_]:
    """Return the pixels of a region that lie further than ``reach_px`` from the nearest pixel outside it."""
    return np.asarray(_distance(inside) > reach_px, dtype=np.bool_)


def _distance(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return each pixel's distance to the nearest one outside a region; infinity where nothing is outside."""
    if inside.all():
        return np.full(inside.shape, np.inf, np.float32)
    distance = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance, dtype=np.float32)


def _depth(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return each pixel's distance to the nearest one outside the mask; the picture's border is no outside."""
    depth: NDArray[np.float32] = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    return depth
