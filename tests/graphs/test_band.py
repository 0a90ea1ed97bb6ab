"""The band of a mask inside the graph against the Euclidean one."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_edge.graphs.band import disc_corners, unknown_band
from pam_edge.matting.trimaps import UNKNOWN, default_band_px, mask_from_trimap, trimap_from_mask

SIZES = [(32, 32), (64, 96), (224, 64), (256, 352)]


def blobs(size: tuple[int, int], seed: int, scale: float, soft: float = 0.0) -> np.ndarray:
    """Return a mask of random blobs, with the holes and islands of one; soft if asked for."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random(size, np.float32), (0, 0), scale)
    mask = np.where(noise > np.median(noise), np.uint8(255), np.uint8(0))
    return cv2.GaussianBlur(mask, (0, 0), soft) if soft else mask


def band_of(mask: np.ndarray, reach: int) -> np.ndarray:
    found = unknown_band(torch.from_numpy(mask)[None, None].float(), reach)[0, 0].numpy()
    assert set(np.unique(found)) <= {0, 128, 255}
    return found.astype(np.uint8)


def assert_near(mask: np.ndarray, reach: int) -> None:
    """Unknown is at least what a band of two pixels less leaves unknown, and at most what one of two more does."""
    found = band_of(mask, reach)
    narrower, wider = (trimap_from_mask(mask, band) for band in (max(0, reach - 2), reach + 2))
    assert (found[narrower == UNKNOWN] == UNKNOWN).all()
    assert (wider[found == UNKNOWN] == UNKNOWN).all()
    known = found != UNKNOWN
    assert (found[known] == np.where(mask >= 128, 255, 0)[known]).all()


@pytest.mark.parametrize("reach", [1, 2, 3, 4, 5, 7, 10, 13, 20, 31])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_band_ends_within_two_pixels_of_the_euclidean_one(size, reach):
    for seed, scale in enumerate((2.0, 8.0, 25.0)):
        assert_near(blobs(size, seed, scale), reach)
    assert_near(blobs(size, 3, 12.0, soft=3.0), reach)


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(0, 2**31), st.floats(0.6, 30), st.sampled_from([0.0, 1.0, 4.0]))
def test_so_does_the_band_of_any_mask(reach, seed, scale, soft):
    assert_near(blobs((96, 128), seed, scale, soft), reach)


@pytest.mark.parametrize("grey", [0, 5, 250, 255])
def test_a_mask_without_an_edge_has_no_band(grey):
    found = band_of(np.full((64, 64), grey, np.uint8), 10)
    assert (found == (255 if grey > 128 else 0)).all()


@pytest.mark.parametrize("grey", [6, 128, 249])
def test_soft_greys_are_unknown_wherever_they_are(grey):
    mask = np.zeros((64, 64), np.uint8)
    mask[31, 33] = grey
    found = band_of(mask, 4)
    assert found[31, 33] == UNKNOWN
    assert (found[:24] == 0).all()


def test_the_pictures_border_is_no_edge():
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 32:] = 255
    found = band_of(mask, 6)
    assert (found[:, 44:] == 255).all()
    assert (found[:, :20] == 0).all()


@pytest.mark.parametrize("reach", range(1, 60))
def test_rectangles_cover_the_disc_and_nothing_else(reach):
    corners = disc_corners(reach)
    covered = {(down, across) for high, wide in corners for down in range(high + 1) for across in range(wide + 1)}
    assert covered == {(y, x) for y in range(reach) for x in range(reach) if 4 * (y * y + x * x) <= reach * reach}
    assert [down for down, _ in corners] == sorted({down for down, _ in corners})


@pytest.mark.parametrize("size", SIZES[1:], ids=str)
def test_a_trimap_is_about_the_band_of_its_mask(size):
    reach = default_band_px(*size)
    trimap = trimap_from_mask(blobs(size, 1, 14.0), reach)
    again = trimap_from_mask(mask_from_trimap(trimap, reach), reach)
    assert np.mean(trimap != again) < 0.03
    wide = trimap_from_mask(blobs(size, 1, 14.0), 3 * reach)
    assert np.mean((mask_from_trimap(wide, reach) == UNKNOWN) & (wide != UNKNOWN)) == 0
    assert (trimap_from_mask(mask_from_trimap(wide, reach), reach)[wide == UNKNOWN] == UNKNOWN).mean() > 0.97
