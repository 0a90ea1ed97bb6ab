"""Pictures for graphs that take a mask: the mask to show them, the last frame's alpha, and the trimap to make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from pam_edge.evaluation.parity import as_tensors
from pam_edge.evaluation.pictures import Picture
from pam_edge.graphs.ends import Ends
from pam_edge.matting.trimaps import mask_from_trimap
from pam_edge.runtimes.base import LastFrame
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec

_MOVED_PX = 3
"""How far half of the last frame's alpha lies off, downwards."""


def as_graph_sees(picture: Picture, ends: Ends) -> Picture:
    """Return a picture with the mask that a graph is given, and with the trimap that the reference makes of that mask.

    A picture for a graph that takes a trimap is left as it is.
    """
    if not ends.source.is_mask:
        return picture
    height, width = picture.trimap.shape
    mask = mask_from_trimap(picture.trimap, ends.band_px, ends.mask_height, ends.mask_width)
    return replace(picture, mask=mask, trimap=_make_trimap(ends, mask, None, height, width))


def as_frames(pictures: Sequence[Picture], ends: Ends, supernet: Supernet) -> tuple[Picture, ...]:
    """Return pictures as a graph sees them; for a live graph the first as a first frame, all others with one before.

    The frame before gave what the supernet gives along its full path, in 256 steps, but that its left half lies a few
    pixels off: half of a picture moves, half of it stays. Of its blocks every other one ran.
    """
    seen = [as_graph_sees(picture, ends) for picture in pictures]
    if not ends.source.is_live:
        return tuple(seen)
    return (*seen[:1], *(_with_last(picture, ends, supernet) for picture in seen[1:]))


def _with_last(picture: Picture, ends: Ends, supernet: Supernet) -> Picture:
    assert picture.mask is not None, "live graphs take a mask"
    with torch.no_grad():
        image, trimap = as_tensors(picture.image, picture.trimap)
        alpha = supernet(image, trimap, path=PathSpec.full(supernet.block_count)).alpha[0, 0].numpy()
    alpha, middle = np.rint(alpha * 255) / np.float32(255), alpha.shape[1] // 2
    alpha[:, :middle] = np.roll(alpha[:, :middle], _MOVED_PX, axis=0)
    last = LastFrame(alpha, np.arange(supernet.block_count, dtype=np.float32) % 2)
    return replace(picture, last=last, trimap=_make_trimap(ends, picture.mask, alpha, *alpha.shape))


def _make_trimap(
    ends: Ends, mask: NDArray[np.uint8], previous: NDArray[np.float32] | None, height: int, width: int
) -> NDArray[np.uint8]:
    before = None if previous is None else torch.from_numpy(previous)[None, None]
    trimap = ends.make_trimap(torch.from_numpy(mask)[None, None].float(), before, height, width)
    return trimap[0, 0].numpy().astype(np.uint8)
