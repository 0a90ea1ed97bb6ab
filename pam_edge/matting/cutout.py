"""Cut a subject out of a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pam_edge.matting.colour import to_srgb
from pam_edge.matting.foreground import foreground_blocks
from pam_edge.matting.tiling import Matter, Progress, matte_any_size


@dataclass(frozen=True, slots=True)
class _InSrgb:
    """Shows a model the sRGB that it knows, tile by tile: a large photograph is not in memory twice."""

    model: Matter
    convert: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

    @property
    def height(self) -> int:
        return self.model.height

    @property
    def width(self) -> int:
        return self.model.width

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.model(self.convert(image), trimap)


def cut_out(
    model: Matter,
    image: NDArray[np.uint8],
    trimap: NDArray[np.uint8],
    *,
    profile: bytes | None = None,
    progress: Progress | None = None,
) -> NDArray[np.uint8]:
    """Return the subject with its own colours and its alpha.

    Args:
        model: computes alpha, at its own fixed size, from sRGB.
        image: uint8[H,W,3], RGB, of any size.
        trimap: uint8[H,W]; background below 64, foreground from 192.
        profile: ICC profile of the image's colours, and so of the result's; None for sRGB.
        progress: called after each tile.

    Returns:
        uint8[H,W,4], RGBA, straight alpha, in the image's own colours.

    Raises:
        UsageError: if image and trimap are not of bytes, of different sizes or empty.
    """
    return with_alpha(image, matte_any_size(_InSrgb(model, to_srgb(profile)), image, trimap, progress))


def with_alpha(image: NDArray[np.uint8], alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return uint8[H,W,4]: foreground colours of image (uint8[H,W,3]) beside alpha (float32[H,W], 0..1)."""
    rgba = np.empty((*alpha.shape, 4), np.uint8)
    for block, colours in foreground_blocks(image, alpha):
        rgba[block][..., :3] = colours.round()
        rgba[block][..., 3] = (alpha[block] * 255).round()
    return rgba
