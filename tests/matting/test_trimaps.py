"""Trimaps keep the contract's thresholds, and masks get a band where the network decides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from pam_edge.errors import UsageError
from pam_edge.matting.trimaps import clean_trimap, default_band_px, trimap_from_mask


def test_greys_become_the_contracts_three_values_at_its_thresholds():
    greys = np.array([[0, 63, 64, 128, 191, 192, 255]], np.uint8)
    assert clean_trimap(greys).tolist() == [[0, 0, 128, 128, 128, 255, 255]]


def half_mask(size: int = 40) -> NDArray[np.uint8]:
    mask = np.zeros((size, size), np.uint8)
    mask[:, size // 2 :] = 255
    return mask


def test_band_reaches_equally_far_to_both_sides_of_the_edge():
    row = trimap_from_mask(half_mask(), band_px=4)[7]
    assert row.tolist() == [0] * 16 + [128] * 8 + [255] * 16


def test_border_of_the_picture_is_no_edge():
    trimap = trimap_from_mask(half_mask(), band_px=4)
    assert (trimap[:, -1] == 255).all()
    assert (trimap[0] == trimap[20]).all()


def test_soft_greys_of_a_mask_are_unknown_wherever_they_are():
    mask = np.full((30, 30), 255, np.uint8)
    mask[15, 15] = 200
    assert trimap_from_mask(mask, band_px=0)[15, 15] == 128
    assert (trimap_from_mask(mask, band_px=0) == 128).sum() == 1


def test_encoder_noise_near_black_and_white_is_known():
    mask = half_mask()
    mask[mask == 255] = 251
    mask[mask == 0] = 4
    assert (trimap_from_mask(mask, 4) == trimap_from_mask(half_mask(), 4)).all()


@pytest.mark.parametrize(("height", "width", "band"), [(40, 40, 4), (512, 512, 10), (3000, 4000, 60), (1, 9, 4)])
def test_default_band_scales_with_the_short_side(height, width, band):
    assert default_band_px(height, width) == band


@pytest.mark.parametrize("value", [0, 255])
def test_mask_without_an_edge_has_nothing_unknown(value):
    mask = np.full((5, 3), value, np.uint8)
    assert (trimap_from_mask(mask) == mask).all()


def test_negative_band_is_refused():
    with pytest.raises(UsageError, match="0 pixels or more"):
        trimap_from_mask(half_mask(), -1)


@settings(max_examples=40, deadline=None)
@given(
    mask=arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24)), elements=st.sampled_from([0, 90, 255])),
    band=st.integers(0, 6),
)
def test_wider_band_only_turns_known_pixels_unknown(mask, band):
    narrow, wide = trimap_from_mask(mask, band), trimap_from_mask(mask, band + 1)
    assert ((wide == narrow) | (wide == 128)).all()
    assert (mask[narrow == 0] == 0).all()
    assert (mask[narrow == 255] == 255).all()
