"""Every picture is read whole and upright, or refused by name."""

import io
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pam_edge.errors import UsageError
from pam_edge.matting.images import read_cutout, read_image, read_mask, read_trimap

STORED = np.zeros((24, 40), np.uint8)
STORED[:8, :16] = 255
UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored),
}


def deep_png(file: Path, pixels: NDArray[Any], orientation: int) -> None:
    """Write uint16 [H,W(,RGB or RGBA)] with an EXIF tag: neither Pillow nor OpenCV writes both."""
    encoded = cv2.imencode(".png", pixels if pixels.ndim == 2 else pixels[..., [2, 1, 0, 3][: pixels.shape[2]]])[1]
    exif = Image.Exif()
    exif[0x0112] = orientation
    small = io.BytesIO()
    Image.new("L", (1, 1)).save(small, "PNG", exif=exif)
    start = small.getvalue().index(b"eXIf") - 4
    chunk = small.getvalue()[start : start + 12 + struct.unpack(">I", small.getvalue()[start : start + 4])[0]]
    whole = encoded.tobytes()
    file.write_bytes(whole[:33] + chunk + whole[33:])  # after the signature and IHDR


def put(file: Path, pixels: NDArray[Any], orientation: int) -> None:
    if pixels.dtype == np.uint16:
        return deep_png(file, pixels, orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {".webp": {"lossless": True, "exact": True}, ".jpg": {"quality": 95}, ".avif": {"quality": 95}}
    Image.fromarray(pixels).save(file, exif=exif, **lossless.get(file.suffix, {}))
    return None


ALPHA = np.dstack([np.full((*STORED.shape, 3), 77, np.uint8), STORED])
KINDS = {
    "grey": STORED,
    "RGB": np.dstack([STORED] * 3),
    "RGBA": ALPHA,
    "LA": ALPHA[..., 2:],
    "16-bit grey": STORED.astype(np.uint16) * 257,
    "16-bit RGB": np.dstack([STORED.astype(np.uint16) * 257] * 3),
    "16-bit RGBA": ALPHA.astype(np.uint16) * 257,
}
FORMATS = [
    *((kind, ".png") for kind in KINDS),
    *((kind, suffix) for kind in ("grey", "RGB", "RGBA") for suffix in (".tif", ".webp", ".avif")),
    *((kind, ".jpg") for kind in ("grey", "RGB")),
]


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize(("kind", "suffix"), FORMATS)
def test_masks_of_every_format_and_depth_are_read_upright(tmp_path, kind, suffix, orientation):
    file = tmp_path / f"m{suffix}"
    put(file, KINDS[kind], orientation)
    expected = UPRIGHT[orientation](STORED)
    assert ((read_mask(file, *expected.shape) > 127) == (expected > 127)).all()


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".avif"])
def test_photos_cut_outs_and_trimaps_are_turned_alike(tmp_path, suffix, orientation):
    expected = UPRIGHT[orientation](STORED) > 127
    put(tmp_path / f"photo{suffix}", KINDS["RGB"], orientation)
    put(tmp_path / "cutout.png", KINDS["RGBA"], orientation)
    put(tmp_path / f"trimap{suffix}", STORED, orientation)
    assert ((read_image(tmp_path / f"photo{suffix}")[..., 0] > 127) == expected).all()
    assert ((read_cutout(tmp_path / "cutout.png")[..., 3] > 127) == expected).all()
    assert ((read_trimap(tmp_path / f"trimap{suffix}", *expected.shape) == 255) == expected).all()


def photo_bytes(suffix: str, **options: Any) -> bytearray:
    rng = np.random.default_rng(0)
    pixels = cv2.resize(rng.integers(0, 256, (40, 60, 3), np.uint8), (480, 320), interpolation=cv2.INTER_CUBIC)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, Image.registered_extensions()[suffix], **options)
    return bytearray(stream.getvalue())


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
@pytest.mark.parametrize("damage", ["removed", "zeros", "noise"])
def test_a_jpeg_damaged_in_its_middle_is_refused(tmp_path, options, damage):
    whole = photo_bytes(".jpg", quality=90, **options)
    middle, length = len(whole) // 2, 700
    patch = {"removed": b"", "zeros": bytes(length), "noise": np.random.default_rng(3).bytes(length)}[damage]
    whole[middle : middle + length] = patch
    (tmp_path / "a.jpg").write_bytes(whole)
    with pytest.raises(UsageError, match=r"a\.jpg.*damaged"):
        read_image(tmp_path / "a.jpg")


def test_zeros_that_a_camera_adds_to_a_jpeg_are_no_damage(tmp_path):
    whole = photo_bytes(".jpg")
    (tmp_path / "a.jpg").write_bytes(whole[:-2] + bytes(300) + whole[-2:] + b"trailer")
    assert read_image(tmp_path / "a.jpg").shape == (320, 480, 3)


def test_what_others_write_to_standard_error_is_kept(tmp_path, capfd):
    (tmp_path / "a.jpg").write_bytes(photo_bytes(".jpg"))
    read_image(tmp_path / "a.jpg")
    os.write(2, b"still there\n")
    assert capfd.readouterr().err == "still there\n"


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif", ".tif", ".bmp", ".gif"])
def test_files_cut_short_anywhere_are_refused(tmp_path, suffix, share):
    whole = photo_bytes(suffix, **({"compression": "tiff_lzw"} if suffix == ".tif" else {}))
    (tmp_path / f"a{suffix}").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UsageError, match="damaged"):
        read_image(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif", ".tif", ".bmp", ".gif"])
def test_scrambled_files_are_refused_or_read_and_nothing_else(tmp_path, suffix):
    rng = np.random.default_rng(0)
    for _ in range(25):
        data = photo_bytes(suffix)
        for at in rng.integers(0, min(len(data), 300), 4):
            data[at] = int(rng.integers(256))
        (tmp_path / f"a{suffix}").write_bytes(data)
        for read in (read_image, read_cutout, lambda file: read_mask(file, 320, 480)):
            with suppress(UsageError):
                read(tmp_path / f"a{suffix}")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\xff\x0a\xfa\x1f\x01", "JPEG XL"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    ],
)
def test_formats_that_are_not_read_are_named(tmp_path, content, name):
    (tmp_path / "a.jpg").write_bytes(content + bytes(200))
    with pytest.raises(UsageError, match=f"it is .*{name}"):
        read_image(tmp_path / "a.jpg")


def test_pictures_of_more_pixels_than_pillows_own_limit_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    Image.new("L", (60, 40)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").shape == (40, 60, 3)
    assert Image.MAX_IMAGE_PIXELS == 100


@pytest.mark.parametrize("depth", [np.int32, np.float32])
@pytest.mark.parametrize("value", [200, 70_000])
def test_a_photo_in_wide_numbers_is_refused_by_name(tmp_path, depth, value):
    Image.fromarray(np.full((4, 4), value, depth)).save(tmp_path / "a.tif")
    with pytest.raises(UsageError, match="32-bit"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_a_grey_photo_of_16_bits_is_read_by_its_high_byte(tmp_path, suffix):
    grey = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), grey)
    np.testing.assert_array_equal(read_image(tmp_path / f"a{suffix}")[..., 0], grey >> 8)
