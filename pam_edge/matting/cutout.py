"""Cut a subject out of a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pam_edge.matting.foreground import estimate_foreground
from pam_edge.matting.tiling import Matter, matte_any_size


def cut_out(model: Matter, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the subject with its own colours and its alpha.

    Args:
        model: computes alpha, at its own fixed size.
        image: uint8[H,W,3], RGB, of any size.
        trimap: uint8[H,W]; background below 64, foreground from 192.

    Returns:
        uint8[H,W,4], RGBA, straight alpha.

    Raises:
        UsageError: if image and trimap are of different sizes or empty.
    """
    return with_alpha(image, matte_any_size(model, image, trimap))


def with_alpha(image: NDArray[np.uint8], alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return uint8[H,W,4]: foreground colours of image (uint8[H,W,3]) beside alpha (float32[H,W], 0..1)."""
    foreground = estimate_foreground(image, alpha)
    return np.dstack([foreground, alpha * 255]).round().astype(np.uint8)
