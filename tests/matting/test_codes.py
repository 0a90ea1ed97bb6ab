"""Masks and trimaps in any code that can mean one thing only are read; the rest is refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pam_edge.errors import UsageError
from pam_edge.matting.codes import mask_of, trimap_of
from pam_edge.matting.images import read_mask, read_trimap
from pam_edge.matting.trimaps import what_is_missing

SHAPES = np.zeros((30, 40), np.uint8)
"""Three regions: 0 outside, 1 in a ring, 2 inside."""
SHAPES[5:25, 5:35], SHAPES[10:20, 10:30] = 1, 2
DTYPES = [np.uint8, np.uint16, np.int32, np.float32]


def trimap(*values, dtype=np.uint8):
    """Read a trimap whose three regions, or two, hold these values; return one value of each of the three regions."""
    codes = np.array([*values, *[values[-1]] * 2], dtype)[SHAPES]
    read = trimap_of(codes, None, False, "t.png")
    return [int(read[row, row]) for row in (0, 7, 15)]


def mask(*values, dtype=np.uint8):
    codes = np.array([*values, *[values[-1]] * 2], dtype)[SHAPES]
    read = mask_of(codes, None, False, "m.png")
    return [int(read[row, row]) for row in (0, 7, 15)][: len(values)]


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=40, deadline=None)
@given(value=st.integers(2, 255))
def test_a_mask_of_zero_and_any_number_is_hard(dtype, value):
    assert mask(0, value, dtype=dtype) == [0, 255]


@pytest.mark.parametrize("value", [1, 128, 300, 4000, 65535])
def test_a_mask_of_zero_and_any_16_bit_number_is_hard(value):
    assert mask(0, value, dtype=np.uint16) == [0, 255]


def test_floats_up_to_one_are_shares():
    assert mask(0, 1, dtype=np.float32) == [0, 255]
    assert trimap(0, 0.5, 1, dtype=np.float32) == [0, 128, 255]


@pytest.mark.parametrize("values", [(1, 2), (7,), (128,), (0, 1, 2), (0, 2, 4), (0, 15, 20), (0, 15, 255), (100, 255)])
def test_a_mask_that_may_be_class_numbers_is_refused(values):
    ring_is_larger = (SHAPES == 1).sum() > (SHAPES == 2).sum()
    assert ring_is_larger
    with pytest.raises(UsageError, match="class numbers"):
        mask(*values)


def test_a_few_greys_at_a_masks_edge_are_soft():
    assert mask(0, 64, 255) == [0, 64, 255]
    assert mask(0, 128, 255) == [0, 128, 255]


def test_a_matte_of_many_greys_is_read_as_it_is():
    ramp = np.arange(0, 150, dtype=np.uint8).reshape(10, 15)
    assert (mask_of(ramp, None, False, "m.png") == ramp).all()
    assert (mask_of(ramp.astype(np.uint16) * 257, None, False, "m.png") == ramp).all()


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=60, deadline=None)
@given(between=st.integers(32, 249))
def test_anything_between_pure_codes_is_unknown(dtype, between):
    assert trimap(0, between, 255, dtype=dtype) == [0, 128, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0, 128), [0, 128, 128]),
        ((128, 255), [128, 255, 255]),
        ((0, 255), [0, 255, 255]),
        ((0,), [0, 0, 0]),
        ((255,), [255, 255, 255]),
        ((128,), [128, 128, 128]),
        ((3, 130, 250), [0, 128, 255]),
        ((0, 100, 200), [0, 128, 255]),
        ((0, 254, 255), [0, 255, 255]),
    ],
)
def test_trimaps_that_are_clear(values, expected):
    assert trimap(*values) == expected


@pytest.mark.parametrize(
    "values", [(0, 1, 2), (0, 2, 4), (0, 1), (0, 50), (0, 200), (1, 2), (50,), (0, 64, 128), (0, 15, 255)]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_trimaps_that_can_mean_several_things_are_refused(values, dtype):
    with pytest.raises(UsageError, match="0, 128 and 255"):
        trimap(*values, dtype=dtype)


def test_a_16_bit_trimap_is_scaled():
    assert trimap(0, 32768, 65535, dtype=np.uint16) == [0, 128, 255]


@pytest.mark.parametrize("quality", [60, 95])
def test_jpeg_noise_around_a_trimaps_codes_is_harmless(tmp_path, quality):
    clean = np.array([0, 128, 255], np.uint8)[cv2.resize(SHAPES, (330, 250), interpolation=cv2.INTER_NEAREST)]
    Image.fromarray(clean).save(tmp_path / "t.jpg", quality=quality)
    assert len(np.unique(np.asarray(Image.open(tmp_path / "t.jpg")))) > 8
    assert (read_trimap(tmp_path / "t.jpg", 250, 330) != clean).mean() < 0.02


def test_a_resized_trimap_goes_by_the_thresholds():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    read = trimap_of(ramp, None, False, "t.png").ravel()
    assert (read == np.repeat([0, 128, 255], [64, 128, 64])).all()


CODES = {"trimap": np.array([0, 128, 255], np.uint8)[SHAPES], "mask": np.array([0, 255, 255], np.uint8)[SHAPES]}


def read(role: str, file: Path):
    return {"trimap": read_trimap, "mask": read_mask}[role](file, *SHAPES.shape)


@pytest.mark.parametrize("role", CODES)
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_content_in_the_alpha_channel_over_black_is_read(tmp_path, role, depth):
    codes = CODES[role].astype(depth) * (257 if depth is np.uint16 else 1)
    assert cv2.imwrite(str(tmp_path / "a.png"), np.dstack([np.zeros((*codes.shape, 3), depth), codes]))
    assert (read(role, tmp_path / "a.png") == CODES[role]).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_files_of_0_and_255_hold_8_bit_codes(tmp_path, channels, suffix):
    codes = CODES["mask"].astype(np.uint16)
    layers = [codes] * min(channels, 3) + [np.full_like(codes, 65535)] * (channels == 4)
    assert cv2.imwrite(str(tmp_path / f"m{suffix}"), np.dstack(layers) if channels > 1 else codes)
    assert (read_mask(tmp_path / f"m{suffix}", *SHAPES.shape) == CODES["mask"]).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_float_tiffs_are_read(tmp_path, channels):
    share = CODES["mask"].astype(np.float32) / 255
    assert cv2.imwrite(str(tmp_path / "m.tif"), np.dstack([share] * channels) if channels > 1 else share)
    assert (read_mask(tmp_path / "m.tif", *SHAPES.shape) == CODES["mask"]).all()


@pytest.mark.parametrize("value", [np.nan, -1.0, 300.0])
def test_floats_that_are_no_codes_are_refused(value):
    with pytest.raises(UsageError, match="floats from 0 to 1"):
        mask(0, value, dtype=np.float32)


def test_a_palette_of_two_colours_is_a_mask(tmp_path):
    image = Image.fromarray((SHAPES > 0).astype(np.uint8) * 15)
    image.putpalette([0] * 45 + [192, 128, 128] + [0] * 720)
    image.save(tmp_path / "m.png")
    assert (read_mask(tmp_path / "m.png", *SHAPES.shape) == CODES["mask"]).all()


@pytest.mark.parametrize("role", CODES)
def test_a_picture_in_colours_is_neither_mask_nor_trimap(tmp_path, role):
    colours = np.array([[0, 0, 0], [192, 128, 128], [0, 128, 0]], np.uint8)[SHAPES]
    Image.fromarray(colours).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match="in several colours"):
        read(role, tmp_path / "a.png")


def test_a_trimap_in_both_colours_and_alpha_is_refused(tmp_path):
    Image.fromarray(np.dstack([*[CODES["trimap"]] * 3, CODES["mask"]])).save(tmp_path / "t.png")
    with pytest.raises(UsageError, match="without transparency"):
        read_trimap(tmp_path / "t.png", *SHAPES.shape)


@pytest.mark.parametrize("held", [(0,), (128,), (255,), (0, 128), (0, 255), (128, 255), (0, 128, 255)])
def test_what_a_trimap_lacks_is_said(held):
    notice = what_is_missing(np.array([held], np.uint8))
    names = {0: "background", 128: "unknown region", 255: "foreground"}
    assert {value for value, name in names.items() if notice and f"no {name}" in notice} == set(names) - set(held)
