"""A cut-out has the subject's colours, not a fringe of the old background's."""

import tracemalloc

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pam_edge.matting.cutout import cut_out, with_alpha
from pam_edge.matting.foreground import foreground_blocks

FOREGROUND, BACKGROUND = np.array([200, 120, 40], np.float32), np.array([20, 90, 220], np.float32)


def composite(
    size: int = 200, texture: float = 0.0
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
    """Return image, alpha and true foreground: a disk with a soft edge 20 pixels wide."""
    rows, columns = np.mgrid[:size, :size] - size / 2
    alpha = np.clip((size * 0.3 - np.hypot(rows, columns)) / 20 + 0.5, 0, 1).astype(np.float32)
    waves = (np.sin(columns / 9) * texture)[..., None]
    foreground = np.clip(FOREGROUND + waves, 0, 255).astype(np.float32)
    image = alpha[..., None] * foreground + (1 - alpha[..., None]) * BACKGROUND
    return image.round().astype(np.uint8), alpha, foreground


def estimate_foreground(image: NDArray[np.uint8], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    whole = np.full(image.shape, np.nan, np.float32)
    for block, colours in foreground_blocks(image, alpha):
        whole[block] = colours
    return whole


@pytest.mark.parametrize("texture", [0, 30])
def test_fringe_is_at_most_a_fifth_of_that_of_the_pictures_own_colours(texture):
    """The method is an approximation: measured 0.15 on a plain and 0.18 on a textured foreground."""
    image, alpha, truth = composite(texture=texture)
    edge = (alpha > 0) & (alpha < 1)
    own, estimated = (
        np.abs((colours - truth) * alpha[..., None])[edge].mean()
        for colours in (image, estimate_foreground(image, alpha))
    )
    assert estimated < 0.2 * own


def test_solid_pixels_keep_their_colours():
    image, alpha, _ = composite(texture=30)
    solid = alpha == 1
    assert np.abs(estimate_foreground(image, alpha) - image)[solid].max() < 1e-2


def test_large_pictures_are_worked_on_in_blocks_without_a_trace(monkeypatch):
    image, alpha, _ = composite(texture=30)
    whole = estimate_foreground(image, alpha)
    monkeypatch.setattr("pam_edge.matting.foreground._BLOCK_PX", 37)
    assert np.abs(estimate_foreground(image, alpha) - whole).max() < 1e-2


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (7, 3)])
def test_smallest_pictures_and_flat_mattes_work(value, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    foreground = estimate_foreground(image, np.full(shape, value, np.float32))
    assert np.abs(foreground - image * value).max() < 1e-2


def test_nothing_of_the_background_is_left_where_the_subject_is_out_of_reach():
    image, alpha, _ = composite(size=400)
    assert (with_alpha(image, alpha)[:20, :20] == 0).all()


class Answer:
    """Knows the true alpha."""

    height = width = 200

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        return composite()[1]


def test_cut_out_over_a_new_background_is_close_to_the_true_composite():
    image, alpha, truth = composite()
    trimap = np.where(alpha == 1, 255, np.where(alpha == 0, 0, 128)).astype(np.uint8)
    rgba = cut_out(Answer(), image, trimap).astype(np.float32)
    assert rgba.shape == (200, 200, 4)
    new = np.array([0, 255, 0], np.float32)
    opacity = rgba[..., 3:] / 255
    shown = opacity * rgba[..., :3] + (1 - opacity) * new
    wanted = alpha[..., None] * truth + (1 - alpha[..., None]) * new
    # The picture's own colours would be off by 45 of 255 greys.
    assert np.abs(shown - wanted).max() < 9


def test_cut_out_of_any_size_has_the_pictures_size():
    image = cv2.resize(composite()[0], (333, 57))
    assert cut_out(Answer(), image, np.full((57, 333), 128, np.uint8)).shape == (57, 333, 4)


def test_memory_of_a_cut_out_is_its_four_bytes_a_pixel_and_a_block(monkeypatch):
    monkeypatch.setattr("pam_edge.matting.foreground._BLOCK_PX", 256)
    image, alpha = np.zeros((2000, 3000, 3), np.uint8), np.full((2000, 3000), 0.5, np.float32)
    tracemalloc.start()
    try:
        with_alpha(image, alpha)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4.5 * alpha.size + 200 * 354**2
