"""Any common picture is read as it is meant to be seen; cut-outs are written whole or not at all."""

import stat
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pam_edge.errors import UsageError
from pam_edge.matting.images import (
    check_writable_format,
    read_image,
    read_mask,
    read_trimap,
    read_trimap_or_mask,
    write_rgba,
)

RED_LEFT = np.zeros((6, 8, 3), np.uint8)
RED_LEFT[:, :4, 0] = 255


def save(file: Path, picture: NDArray[Any]) -> Path:
    """Write uint8 or uint16 [H,W(,3 RGB or 4 RGBA)]."""
    if picture.ndim == 3:
        picture = picture[..., [2, 1, 0, 3][: picture.shape[2]]]
    assert cv2.imwrite(str(file), picture)
    return file


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp", ".jpg"])
def test_formats_are_read_as_rgb(tmp_path, suffix):
    image = read_image(save(tmp_path / f"a{suffix}", RED_LEFT))
    assert image.dtype == np.uint8
    assert image[:, :3].reshape(-1, 3).mean(axis=0) == pytest.approx([255, 0, 0], abs=12)
    assert image[:, 5:].mean() < 12


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_is_scaled_and_not_cut_off(tmp_path, suffix, channels):
    deep = np.repeat((np.arange(256, dtype=np.uint16) * 257).reshape(1, 256, 1), channels, axis=2)
    image = read_image(save(tmp_path / f"deep{suffix}", deep if channels == 3 else deep[..., 0]))
    assert (image[0, :, 1] == np.arange(256)).all()


def test_grey_and_transparent_pictures_are_read_as_rgb(tmp_path):
    grey = read_image(save(tmp_path / "grey.png", RED_LEFT[..., 0]))
    rgba = read_image(save(tmp_path / "rgba.png", np.dstack([RED_LEFT, np.full((6, 8), 99, np.uint8)])))
    assert (grey == RED_LEFT[..., :1]).all()
    assert (rgba == RED_LEFT).all()


def test_palette_pictures_are_read_as_rgb(tmp_path):
    Image.fromarray(RED_LEFT).quantize(4).save(tmp_path / "palette.png")
    assert (read_image(tmp_path / "palette.png") == RED_LEFT).all()


def test_trimap_is_read_clean(tmp_path):
    file = save(tmp_path / "t.png", np.array([[3, 130, 250]], np.uint8))
    assert read_trimap(file, 1, 3).tolist() == [[0, 128, 255]]


def test_trimap_of_another_size_names_both_sizes(tmp_path):
    file = save(tmp_path / "t.png", np.zeros((6, 8), np.uint8))
    with pytest.raises(UsageError, match=r"10 x 6.*8 x 6"):
        read_trimap(file, 6, 10)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cut_out_is_masked_by_its_alpha(tmp_path, dtype):
    full = np.iinfo(dtype).max
    rgba = np.full((2, 2, 4), full, dtype)
    rgba[0, 0, 3] = 0
    assert read_mask(save(tmp_path / "m.png", rgba), 2, 2).tolist() == [[0, 255], [255, 255]]


def test_opaque_rgba_is_masked_by_its_grey(tmp_path):
    rgba = np.full((1, 2, 4), 255, np.uint8)
    rgba[0, 0, :3] = 0
    assert read_mask(save(tmp_path / "m.png", rgba), 1, 2).tolist() == [[0, 255]]


def test_mask_becomes_a_trimap_with_an_unknown_band(tmp_path):
    mask = np.zeros((20, 20), np.uint8)
    mask[:, 10:] = 255
    trimap = read_trimap_or_mask(None, save(tmp_path / "m.png", mask), 20, 20, band_px=2)
    assert trimap[3].tolist() == [0] * 8 + [128] * 4 + [255] * 8


def test_trimap_and_mask_exclude_each_other(tmp_path):
    with pytest.raises(UsageError, match="neither"):
        read_trimap_or_mask(None, None, 1, 1)
    with pytest.raises(UsageError, match="both"):
        read_trimap_or_mask(tmp_path / "t.png", tmp_path / "m.png", 1, 1)


@pytest.mark.parametrize("content", [b"", b"not an image", None])
def test_unreadable_files_are_named(tmp_path, content):
    file = tmp_path / "picture.png"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=r"picture\.png"):
        read_image(file)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_truncated_files_are_refused(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    file = save(tmp_path / f"a{suffix}", noise)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(UsageError, match="cut short"):
        read_image(file)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".TIFF"])
def test_cut_out_survives_writing(tmp_path, suffix):
    rgba = np.random.default_rng(1).integers(1, 256, (9, 7, 4), np.uint8)
    write_rgba(tmp_path / "new" / f"out{suffix}", rgba)
    read = Image.open(tmp_path / "new" / f"out{suffix}")
    assert read.mode == "RGBA"
    assert (np.array(read) == rgba).all()


@pytest.mark.parametrize("name", ["out.jpg", "out.bmp", "out"])
def test_formats_without_transparency_are_refused_and_nothing_is_written(tmp_path, name):
    with pytest.raises(UsageError, match="transparency"):
        write_rgba(tmp_path / name, np.zeros((2, 2, 4), np.uint8))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("height", "width", "fits"), [(16_383, 2, True), (16_384, 2, False), (2, 16_384, False)])
def test_a_format_too_small_for_the_picture_is_known_before(tmp_path, height, width, fits):
    check_writable_format(tmp_path / "out.png", height, width)
    with nullcontext() if fits else pytest.raises(UsageError, match=r"16,383.*\.png"):
        check_writable_format(tmp_path / "out.webp", height, width)


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    file = tmp_path / "out.png"
    file.write_bytes(b"old")

    def fill_the_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fill_the_disk)
    with pytest.raises(UsageError, match="No space left"):
        write_rgba(file, np.zeros((2, 2, 4), np.uint8))
    assert [each.name for each in tmp_path.iterdir()] == ["out.png"]
    assert file.read_bytes() == b"old"


def test_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="may write"):
        write_rgba(tmp_path / "file" / "out.png", np.zeros((2, 2, 4), np.uint8))


def test_written_file_has_the_users_usual_permissions(tmp_path):
    (tmp_path / "usual").write_text("")
    write_rgba(tmp_path / "out.png", np.zeros((2, 2, 4), np.uint8))
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "out.png")}
    assert len(modes) == 1
