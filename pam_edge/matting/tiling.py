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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import UsageError
from pam_edge.matting.arrays import check_uint8
from pam_edge.matting.trimaps import BACKGROUND, FOREGROUND, UNKNOWN, clean_trimap, trimap_from_mask

_GRID = 32
"""Tiles start on multiples of the network's stride, so that neighbours sample their overlap alike."""

_LEAST_SEEN_SHARE = 1 / 256
"""Share of a tile that must be foreground, and background, to know them by: 32 x 32 pixels of 512 x 512."""

_CERTAIN_PX = 6
"""How far alpha of half the size must be solid or clear around a pixel of the picture to complete a trimap with it."""


_MARGIN = _CERTAIN_PX // 2 + 2
"""Pixels of half the size around a part that decide what is certain in it, and two for the interpolation."""

_STRIP_PX = 256
"""Rows of half the size that are made at a time."""


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


Progress = Callable[[int, int], None]
"""Told after each run of the model how many are done, and how many are known to be needed so far: it can grow."""


@dataclass(frozen=True, slots=True)
class _Axis:
    """How one axis of a picture is covered: tile starts, and each tile's weights (rows of float32[tiles, size])."""

    length: int
    starts: tuple[int, ...]
    weights: NDArray[np.float32]


@dataclass(slots=True)
class _Count:
    """Counts tiles, of the picture and of its half sizes, and reports them."""

    report: Progress | None
    done: int = 0
    needed: int = 0

    def step(self) -> None:
        self.done += 1
        if self.report is not None:
            self.report(self.done, self.needed)


def matte_any_size(
    model: Matter, image: NDArray[np.uint8], trimap: NDArray[np.uint8], progress: Progress | None = None
) -> NDArray[np.float32]:
    """Return the alpha matte of a picture of any size.

    Beside what it is given and returns, it holds a byte a pixel, and a third of all that for the half sizes.

    Args:
        model: of fixed size.
        image: uint8[H,W,3], RGB.
        trimap: uint8[H,W]; background below 64, foreground from 192.
        progress: called after each tile.

    Returns:
        float32[H,W], 0..1; exactly 0 and 1 where the trimap is known.

    Raises:
        UsageError: if image and trimap are not of bytes, of different sizes or empty.
    """
    check_picture(image, trimap)
    return _matte(model, image, clean_trimap(trimap), _Count(progress))


def choose_size(sizes: Sequence[tuple[int, int]], height: int, width: int) -> tuple[int, int]:
    """Return which of several models' sizes suits a picture: the one that needs the fewest tiles, then the smallest.

    Args:
        sizes: heights and widths of models.
        height: of the picture.
        width: likewise.
    """

    def effort(size: tuple[int, int]) -> tuple[int, int]:
        rows, columns = (len(_starts(length, tile)[1]) for length, tile in zip((height, width), size, strict=True))
        return rows * columns, size[0] * size[1]

    return min(sizes, key=effort)


@dataclass(frozen=True, slots=True)
class _Canvas:
    """A picture and its trimap that go on beyond the lower and right border by reflection, to what tiles cover.

    Each piece is padded when it is looked at: a large photograph is not copied.
    """

    image: NDArray[np.uint8]
    trimap: NDArray[np.uint8]
    rows: _Axis
    columns: _Axis

    def image_at(self, part: _Part) -> NDArray[np.uint8]:
        return _cut(self.image, part)

    def trimap_at(self, part: _Part) -> NDArray[np.uint8]:
        return _cut(self.trimap, part)


_Part = tuple[slice, slice]
"""Rows and columns of a canvas, of which the picture itself holds more than what is reflected, or all that it has."""


def _cut(picture: NDArray[np.uint8], part: _Part) -> NDArray[np.uint8]:
    inside = picture[part]
    below, beside = (span.stop - span.start - size for span, size in zip(part, inside.shape[:2], strict=True))
    if below or beside:
        return np.asarray(cv2.copyMakeBorder(inside, 0, below, 0, beside, cv2.BORDER_REFLECT_101), dtype=np.uint8)
    return np.ascontiguousarray(inside)


def _matte(model: Matter, image: NDArray[np.uint8], trimap: NDArray[np.uint8], count: _Count) -> NDArray[np.float32]:
    height, width = trimap.shape
    canvas = _Canvas(image, trimap, _cover(height, model.height), _cover(width, model.width))
    alpha = _blend_tiles(model, canvas, count)[:height, :width]
    alpha.clip(0.0, 1.0, out=alpha)
    alpha[trimap == BACKGROUND] = 0.0
    alpha[trimap == FOREGROUND] = 1.0
    return alpha


def _blend_tiles(model: Matter, canvas: _Canvas, count: _Count) -> NDArray[np.float32]:
    """Return the weighted sum of all tiles' alphas; it means something in the unknown region only."""
    total = np.zeros((canvas.rows.length, canvas.columns.length), np.float32)
    is_one = len(canvas.rows.starts) * len(canvas.columns.starts) == 1
    half: _Half | None = None
    tiles = list(_tiles(canvas))
    count.needed += len(tiles)
    for part, row_weights, column_weights in tiles:
        image, trimap = canvas.image_at(part), canvas.trimap_at(part)
        if is_one or _sees_both(trimap):
            alpha = model(image, trimap)
        else:
            half = _half_size(model, canvas, count) if half is None else half
            alpha, certain = half.look(part)
            completed = np.where(trimap == UNKNOWN, certain, trimap)
            if _sees_both(completed) and (completed == UNKNOWN).any():
                alpha = model(image, completed)
        total[part] += np.outer(row_weights, column_weights) * alpha
        count.step()
    return total


def _tiles(canvas: _Canvas) -> Iterator[tuple[_Part, NDArray[np.float32], NDArray[np.float32]]]:
    """Give the tiles that weigh on something unknown, with their weights along rows and columns."""
    for top, row_weights in zip(canvas.rows.starts, canvas.rows.weights, strict=True):
        for left, column_weights in zip(canvas.columns.starts, canvas.columns.weights, strict=True):
            part = np.s_[top : top + len(row_weights), left : left + len(column_weights)]
            unknown = canvas.trimap_at(part) == UNKNOWN
            if unknown[np.ix_(row_weights > 0, column_weights > 0)].any():
                yield part, row_weights, column_weights


def _sees_both(trimap: NDArray[np.uint8]) -> bool:
    return all((trimap == known).mean() >= _LEAST_SEEN_SHARE for known in (BACKGROUND, FOREGROUND))


@dataclass(frozen=True, slots=True)
class _Half:
    """What half the size tells: alpha, float32[half the canvas' rows, half its columns]."""

    alpha: NDArray[np.float32]

    def look(self, part: _Part) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return a part of the canvas: its alpha, and the trimap of what is certain in that."""
        near = [slice(max(0, span.start // 2 - _MARGIN), -(-span.stop // 2) + _MARGIN) for span in part]
        small = self.alpha[near[0], near[1]]
        twice = (2 * small.shape[1], 2 * small.shape[0])
        alpha = np.asarray(cv2.resize(small, twice, interpolation=cv2.INTER_LINEAR), dtype=np.float32)
        certain = trimap_from_mask((alpha * 255).round().astype(np.uint8), _CERTAIN_PX)
        rows, columns = (
            slice(span.start - 2 * wide.start, span.stop - 2 * wide.start)
            for span, wide in zip(part, near, strict=True)
        )
        return alpha[rows, columns], certain[rows, columns]


def _half_size(model: Matter, canvas: _Canvas, count: _Count) -> _Half:
    height, width = (-(-axis.length // 2) for axis in (canvas.rows, canvas.columns))
    image, trimap = np.empty((height, width, 3), np.uint8), np.empty((height, width), np.uint8)
    for top in range(0, max(1, height // _STRIP_PX) * _STRIP_PX, _STRIP_PX):  # the last strip takes what is left
        bottom = height if top + 2 * _STRIP_PX > height else top + _STRIP_PX
        part = np.s_[2 * top : 2 * bottom, 0 : 2 * width]
        image[top:bottom] = cv2.resize(canvas.image_at(part), (width, bottom - top), interpolation=cv2.INTER_AREA)
        trimap[top:bottom] = _shrink_trimap(canvas.trimap_at(part), (width, bottom - top))
    return _Half(_matte(model, image, trimap, count))


def _shrink_trimap(trimap: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Shrink to (width, height); a pixel is known where all that it covers is: nothing unknown gets lost."""
    shrunk = np.full(size[::-1], UNKNOWN, np.uint8)
    for known in (BACKGROUND, FOREGROUND):
        share = cv2.resize((trimap == known).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        shrunk[share > 0.999] = known
    return shrunk


@lru_cache(maxsize=64)
def _cover(size: int, tile: int) -> _Axis:
    """Cover ``size`` pixels, padded as needed, by tiles that overlap by at least a quarter of their size."""
    length, starts = _starts(size, tile)
    return _Axis(length, starts, _windows(starts, tile, length))


def _starts(size: int, tile: int) -> tuple[int, tuple[int, ...]]:
    """Return how many pixels tiles cover of ``size``, which they pad as needed, and where they start."""
    unit = _GRID if tile % _GRID == 0 and tile > _GRID else 1
    length = max(tile, -(-size // unit) * unit)
    units_to_go, longest_step = (length - tile) // unit, max(1, tile * 3 // 4 // unit)
    count = 1 + -(-units_to_go // longest_step)
    return length, tuple(int(start) * unit for start in np.linspace(0, units_to_go, count).round())


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


def check_picture(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> None:
    """Check that a picture and its trimap are of bytes and of one size.

    Raises:
        UsageError: if they are not, or are empty.
    """
    check_uint8("image", image)
    check_uint8("trimap", trimap)
    if image.shape != (*trimap.shape, 3) or image.size == 0:
        raise UsageError(
            f"Expected a picture [H,W,3] and a trimap [H,W] of one size; got {list(image.shape)} and "
            f"{list(trimap.shape)}. Make the trimap at the picture's size."
        )
