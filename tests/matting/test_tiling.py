"""A model of fixed size mattes pictures of any size, without seams."""

import tracemalloc
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pam_edge.errors import UsageError
from pam_edge.matting.tiling import _cover, matte_any_size

REACH = 3
"""Receptive field of the box model, to each side: less than the margin that tiles get no weight in."""


@dataclass
class BoxModel:
    """Alpha is the image's mean over a box: as a convolution, it depends on a pixel's surroundings alone."""

    height: int = 64
    width: int = 96
    calls: list[NDArray[np.uint8]] = field(default_factory=list)

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert image.shape == (self.height, self.width, 3)
        assert trimap.shape == (self.height, self.width)
        assert image.flags.c_contiguous
        assert set(np.unique(trimap)) <= {0, 128, 255}
        self.calls.append(trimap.copy())
        return box(image)


def box(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    side = 2 * REACH + 1
    means = cv2.blur(image[..., 0].astype(np.float32) / 255, (side, side), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(means, np.float32)


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def striped_trimap(height: int, width: int) -> NDArray[np.uint8]:
    """Unknown, with known specks everywhere: no tile lacks context."""
    trimap = np.full((height, width), 128, np.uint8)
    trimap[::5, ::5] = 255
    trimap[2::5, 2::5] = 0
    return trimap


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 192), width=st.integers(1, 288), seed=st.integers(0, 9))
def test_a_convolution_gives_the_same_in_tiles_as_on_the_whole(height, width, seed):
    image, trimap = noise(height, width, seed), striped_trimap(height, width)
    alpha = matte_any_size(BoxModel(), image, trimap)
    expected = np.where(trimap == 0, 0, np.where(trimap == 255, 1, box(image)))
    assert alpha.shape == (height, width)
    assert alpha.dtype == np.float32
    # At the lower and right borders the model sees its own padding beyond ours.
    assert np.abs(alpha - expected)[:-REACH, :-REACH].max(initial=0) < 1e-5


@dataclass
class WildModel:
    """Alpha is anything, out of range too, as in half precision."""

    height: int = 64
    width: int = 96

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(image[..., 1] / 100 - 1, np.float32)


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 192), width=st.integers(1, 288), seed=st.integers(0, 99))
def test_alpha_is_exact_where_the_trimap_is_known_and_in_range_elsewhere(height, width, seed):
    patches = np.random.default_rng(seed).choice(np.array([0, 128, 255], np.uint8), (3, 4))
    trimap = cv2.resize(patches, (width, height), interpolation=cv2.INTER_NEAREST)
    alpha = matte_any_size(WildModel(), noise(height, width), trimap)
    assert (alpha[trimap == 0] == 0).all()
    assert (alpha[trimap == 255] == 1).all()
    assert 0 <= alpha.min() <= alpha.max() <= 1


@dataclass
class DisagreeingModel:
    """The worst for seams: each call returns another constant, so neighbouring tiles do not agree at all."""

    height: int = 64
    width: int = 64
    calls: int = 0

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.calls += 1
        return np.full(trimap.shape, self.calls % 2, np.float32)


def test_tiles_that_disagree_completely_leave_no_seam():
    trimap = striped_trimap(160, 192)
    alpha = matte_any_size(DisagreeingModel(), noise(160, 192), trimap)
    steps = np.abs(np.diff(np.where(trimap == 128, alpha, np.nan), axis=1))
    # From 0 to 1 by a raised cosine over an eighth of the tile, 8 pixels: at its steepest pi / 2 / 8 a pixel.
    assert np.nanmax(steps) < 0.21
    assert {0.0, 1.0} <= set(alpha[trimap == 128].round(6))


def test_gradients_at_tile_borders_are_no_larger_than_elsewhere():
    image = np.repeat(np.linspace(0, 255, 288).astype(np.uint8)[None, :, None], 192, axis=0).repeat(3, axis=2)
    trimap = np.full(image.shape[:2], 128, np.uint8)
    trimap[::4] = 255
    alpha = matte_any_size(BoxModel(), image, trimap)[2]
    assert np.abs(np.diff(alpha)).max() <= np.abs(np.diff(box(image)[2])).max() + 1e-5


def test_tiles_with_nothing_unknown_are_not_run():
    trimap = np.zeros((192, 288), np.uint8)
    trimap[10:30, 10:14], trimap[10:30, 14:30] = 128, 255
    model = BoxModel()
    matte_any_size(model, noise(192, 288), trimap)
    assert len(model.calls) == 1


def test_known_picture_needs_no_model():
    model = BoxModel()
    alpha = matte_any_size(model, noise(40, 200), np.full((40, 200), 255, np.uint8))
    assert (alpha == 1).all()
    assert model.calls == []


def test_picture_of_the_models_size_is_run_once_as_it_is():
    model, image, trimap = BoxModel(), noise(64, 96), np.full((64, 96), 128, np.uint8)
    assert (matte_any_size(model, image, trimap) == box(image)).all()
    assert len(model.calls) == 1


def test_padding_goes_on_what_touches_the_border():
    trimap = np.full((20, 96), 255, np.uint8)
    trimap[:, 40:50] = 128
    model = BoxModel()
    matte_any_size(model, noise(20, 96), trimap)
    assert (model.calls[0] == trimap[:1]).all()


@dataclass
class ContextModel:
    """Knows subject from background when it sees both, by brightness; else it takes everything for background."""

    height: int = 64
    width: int = 64

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        sees_both = (trimap == 0).any() and (trimap == 255).any()
        return np.asarray(image[..., 0] / 255 * sees_both, np.float32)


def bright_disk() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a white disk on black, and a trimap that knows the corners and the disk's centre alone."""
    rows, columns = np.mgrid[:256, :256] - 127.5
    disk = (np.hypot(rows, columns) < 100).astype(np.uint8) * 255
    trimap = np.full((256, 256), 128, np.uint8)
    trimap[np.hypot(rows, columns) > 150] = 0
    trimap[np.hypot(rows, columns) < 30] = 255
    return np.dstack([disk] * 3), trimap


def test_tiles_that_see_one_side_only_learn_the_other_from_half_the_size():
    image, trimap = bright_disk()
    alpha = matte_any_size(ContextModel(), image, trimap)
    assert np.abs(alpha - image[..., 0] / 255).mean() < 0.01


def test_edges_keep_the_pictures_own_resolution_where_context_comes_from_half_the_size():
    image, trimap = bright_disk()
    row = matte_any_size(ContextModel(), image, trimap)[128, 200:240]
    edge = np.flatnonzero(np.diff(row) < -0.5)
    assert edge.tolist() == [27]  # from 1 at column 227 to 0 at column 228, in a single step


def test_small_unknown_regions_are_not_lost_at_half_the_size():
    trimap = np.zeros((250, 250), np.uint8)
    trimap[:64, 128:192] = 255
    trimap[200:208, 96:104] = 128
    image = np.full((250, 250, 3), 255, np.uint8)
    model = BoxModel()
    assert matte_any_size(model, image, trimap)[204, 100] == pytest.approx(1)
    assert any((call == 128).any() for call in model.calls)


def test_tile_with_nothing_to_go_by_keeps_the_alpha_of_half_the_size():
    trimap = np.full((128, 128), 128, np.uint8)
    trimap[:, :8], trimap[:, -8:] = 0, 255
    image = np.full((128, 128, 3), 192, np.uint8)
    assert matte_any_size(ContextModel(), image, trimap)[64, 64] == pytest.approx(192 / 255, abs=1e-3)


@pytest.mark.parametrize("tile", [1, 5, 32, 64, 96, 512])
@pytest.mark.parametrize("size", [1, 31, 32, 65, 100, 513, 1000])
def test_every_pixel_is_covered_with_weights_that_sum_to_one(size, tile):
    axis = _cover(size, tile)
    total = np.zeros(axis.length)
    for start, weights in zip(axis.starts, axis.weights, strict=True):
        total[start : start + tile] += weights
    assert axis.length >= size
    assert total == pytest.approx(1, abs=1e-6)
    assert all(after - before <= max(1, tile * 3 // 4) for before, after in pairwise(axis.starts))


def test_wholly_unknown_large_picture_is_judged_whole():
    alpha = matte_any_size(BoxModel(), noise(500, 333), np.full((500, 333), 128, np.uint8))
    assert alpha.shape == (500, 333)
    assert np.isfinite(alpha).all()


@pytest.mark.parametrize("shape", [(5, 6), (0, 5)])
def test_trimap_of_another_size_or_no_pixels_is_refused(shape):
    with pytest.raises(UsageError, match="one size"):
        matte_any_size(BoxModel(), noise(shape[0], 5), np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(64, 96), (250, 250), (300, 500)])
def test_progress_counts_every_run_and_ends_at_what_was_needed(shape):
    trimap = np.full(shape, 128, np.uint8)
    trimap[: shape[0] // 2, :40] = 255
    model, reports = BoxModel(), []
    matte_any_size(model, noise(*shape), trimap, lambda done, needed: reports.append((done, needed)))
    assert [done for done, _ in reports] == list(range(1, len(reports) + 1))
    assert reports[-1][0] == reports[-1][1] >= len(model.calls) > 0
    assert all(done <= needed for done, needed in reports)


@pytest.mark.parametrize("sees_both", [True, False])
def test_memory_grows_by_few_bytes_a_pixel(sees_both, monkeypatch):
    """The image and the trimap are the caller's; what is counted is alpha, and everything that is made beside it."""
    monkeypatch.setattr("pam_edge.matting.tiling._STRIP_PX", 32)
    height, width = 1500, 2000
    trimap = striped_trimap(height, width) if sees_both else np.full((height, width), 128, np.uint8)
    image = noise(height, width)
    tracemalloc.start()
    try:
        matte_any_size(ContextModel(), image, trimap)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 9 * height * width


@pytest.mark.parametrize(
    "convert",
    [
        lambda array: (array / 255).astype(np.float32),
        lambda array: array.astype(np.int16),
        lambda array: array > 0,
        lambda array: array.tolist(),
        torch.from_numpy,
        str,
        lambda array: None,
    ],
    ids=["float32", "int16", "bool", "list", "tensor", "text", "None"],
)
def test_what_is_no_array_of_bytes_is_refused(convert):
    image, trimap = noise(64, 96), np.full((64, 96), 128, np.uint8)
    with pytest.raises(UsageError, match="Expected uint8, 0 to 255; the image is"):
        matte_any_size(BoxModel(), convert(image), trimap)
    with pytest.raises(UsageError, match="Expected uint8, 0 to 255; the trimap is"):
        matte_any_size(BoxModel(), image, convert(trimap))
