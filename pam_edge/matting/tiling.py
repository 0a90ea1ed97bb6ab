"""Run a model of fixed size on a picture of any size.

The rule, with nothing to set: a picture is shown to the model at its own resolution. A smaller one is padded by
reflection, image and trimap alike, so that what touches the border goes on beyond it: any other padding shows the
model an edge that is not there. A larger one is cut into overlapping tiles, blended by a smooth window that gives no
weight to a tile's outer margin, where the tile lacks context. Tiles with nothing unknown are not run.

A tile can lie so that it shows the model no subject, or no background, and then it is guesswork to which of them the
unknown pixels belong. Such a tile's trimap is completed first with what the same procedure is certain of on the
picture at half the size, where more is in view; the tile then adds the detail. Where even that shows it one of the
two alone, or leaves nothing unknown, the alpha of half the size stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import UsageError
from pam_edge.matting.trimaps import BACKGROUND, FOREGROUND, UNKNOWN, clean_trimap, trimap_from_mask

_GRID = 32
"""Tiles start on multiples of the network's stride, so that neighbours sample their overlap alike."""

_LEAST_SEEN_SHARE = 1 / 256
"""Share of a tile that must be foreground, and background, to know them by: 32 x 32 pixels of 512 x 512."""

_CERTAIN_PX = 6
"""How far alpha of half the size must be solid or clear around a pixel of the picture to complete a trimap with it."""


class Matter(Protocol):
    """Computes the alpha matte of a picture of exactly its own size.

    Attributes:
        height: of the pictures it takes, in pixels.
        width: of the pictures it takes, in pixels.
    """

    @property
    def height(self) -> int: ...  # noqa: D102

    @property
    def width(self) -> int: ...  # noqa: D102

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return alpha, float32[height,width], 0..1.

        Args:
            image: uint8[height,width,3], RGB.
            trimap: uint8[height,width] of 0, 128 and 255.
        """


@dataclass(frozen=True, slots=True)
class _Axis:
    """How one axis of a picture is covered: tile starts, and each tile's weights (rows of float32[tiles, size])."""

    length: int
    starts: tuple[int, ...]
    weights: NDArray[np.float32]


def matte_any_size(model: Matter, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the alpha matte of a picture of any size.

    Args:
        model: of fixed size.
        image: uint8[H,W,3], RGB.
        trimap: uint8[H,W]; background below 64, foreground from 192.

    Returns:
        float32[H,W], 0..1; exactly 0 and 1 where the trimap is known.

    Raises:
        UsageError: if image and trimap are of different sizes or empty.
    """
    _check(image, trimap)
    trimap = clean_trimap(trimap)
    height, width = trimap.shape
    alpha = _blend_tiles(model, image, trimap)[:height, :width].clip(0.0, 1.0)
    alpha[trimap == BACKGROUND] = 0.0
    alpha[trimap == FOREGROUND] = 1.0
    return alpha


def _blend_tiles(model: Matter, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the weighted sum of all tiles' alphas; it means something in the unknown region only."""
    rows, columns = _cover(trimap.shape[0], model.height), _cover(trimap.shape[1], model.width)
    image, trimap = _pad(image, rows.length, columns.length), _pad(trimap, rows.length, columns.length)
    total = np.zeros((rows.length, columns.length), np.float32)
    half: tuple[NDArray[np.float32], NDArray[np.uint8]] | None = None
    for top, row_weights in zip(rows.starts, rows.weights, strict=True):
        for left, column_weights in zip(columns.starts, columns.weights, strict=True):
            tile = np.s_[top : top + model.height, left : left + model.width]
            window = np.outer(row_weights, column_weights)
            if not (trimap[tile] == UNKNOWN)[window > 0].any():
                continue
            if len(rows.starts) * len(columns.starts) == 1 or _sees_both(trimap[tile]):
                total[tile] += window * _run(model, image[tile], trimap[tile])
                continue
            half = _half_size(model, image, trimap) if half is None else half
            coarse, completed = half[0][tile], half[1][tile]
            useful = _sees_both(completed) and (completed == UNKNOWN).any()
            total[tile] += window * (_run(model, image[tile], completed) if useful else coarse)
    return total


def _run(model: Matter, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
    return model(np.ascontiguousarray(image), np.ascontiguousarray(trimap))


def _sees_both(trimap: NDArray[np.uint8]) -> bool:
    return all((trimap == known).mean() >= _LEAST_SEEN_SHARE for known in (BACKGROUND, FOREGROUND))


def _half_size(
    model: Matter, image: NDArray[np.uint8], trimap: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return what half the size tells: alpha, float32[H,W], and the trimap completed with what is certain in it."""
    height, width = trimap.shape
    half = ((width + 1) // 2, (height + 1) // 2)
    small = cv2.resize(image, half, interpolation=cv2.INTER_AREA)
    alpha = matte_any_size(model, small, _shrink_trimap(trimap, half))
    alpha = np.asarray(cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    certain = trimap_from_mask((alpha * 255).round().astype(np.uint8), _CERTAIN_PX)
    return alpha, np.where(trimap == UNKNOWN, certain, trimap)


def _shrink_trimap(trimap: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Shrink to (width, height); a pixel is known where all that it covers is: nothing unknown gets lost."""
    shrunk = np.full(size[::-1], UNKNOWN, np.uint8)
    for known in (BACKGROUND, FOREGROUND):
        share = cv2.resize((trimap == known).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        shrunk[share > 0.999] = known
    return shrunk


def _pad(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    below, right = height - picture.shape[0], width - picture.shape[1]
    return np.asarray(cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REFLECT_101), dtype=np.uint8)


@lru_cache(maxsize=64)
def _cover(size: int, tile: int) -> _Axis:
    """Cover ``size`` pixels, padded as needed, by tiles that overlap by at least a quarter of their size."""
    unit = _GRID if tile % _GRID == 0 and tile > _GRID else 1
    length = max(tile, -(-size // unit) * unit)
    units_to_go, longest_step = (length - tile) // unit, max(1, tile * 3 // 4 // unit)
    count = 1 + -(-units_to_go // longest_step)
    starts = tuple(int(start) * unit for start in np.linspace(0, units_to_go, count).round())
    return _Axis(length, starts, _windows(starts, tile, length))


def _windows(starts: tuple[int, ...], tile: int, length: int) -> NDArray[np.float32]:
    """Return each tile's weights along one axis, float32[tiles, tile]; over all tiles they sum to 1 at every pixel.

    From a tile's edge inwards: no weight for a sixteenth of its size, then a raised cosine over an eighth, then full
    weight. At the picture's own borders there is full weight, for there is nothing else.
    """
    spread = np.zeros((len(starts), length))
    for index, start in enumerate(starts):
        distance = np.minimum(np.arange(tile) + 0.5, tile - 0.5 - np.arange(tile))
        ramp = np.clip((distance - tile / 16) / (tile / 8), 0.0, 1.0)
        ramp = 0.5 - 0.5 * np.cos(np.pi * ramp)
        if index == 0:
            ramp[: tile // 2] = 1.0
        if index == len(starts) - 1:
            ramp[tile // 2 :] = 1.0
        spread[index, start : start + tile] = ramp
    spread /= spread.sum(axis=0)
    return np.stack([row[start : start + tile] for row, start in zip(spread, starts, strict=True)]).astype(np.float32)


def _check(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> None:
    if image.shape != (*trimap.shape, 3) or image.size == 0:
        raise UsageError(
            f"Expected a picture [H,W,3] and a trimap [H,W] of one size; got {list(image.shape)} and "
            f"{list(trimap.shape)}. Make the trimap at the picture's size."
        )
