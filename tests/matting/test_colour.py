"""A network is shown sRGB; a cut-out keeps the photograph's own colours and profile."""

import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pam_edge.matting.cutout import cut_out
from pam_edge.matting.images import read_image, read_photo, write_rgba

# Columns are the primaries in the profile connection space (D50), as ICC profiles hold them.
P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
OWN = np.array([[210, 40, 60], [30, 220, 90], [60, 70, 230], [128, 128, 128], [255, 255, 255], [0, 0, 0]], np.uint8)


def icc(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    offset, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(
        ">I4sI4s4s4s12s4s", offset + len(body), b"test", 0x02400000, kind, space, connection, b"", b"acsp"
    )
    return header.ljust(68, b"\0") + xyz(0.9642, 1.0, 0.8249)[8:] + bytes(48) + table + body


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def gamma(exponent: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256))


def display_p3() -> bytes:
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    primaries = {name: xyz(*column) for name, column in zip(names, P3.T, strict=True)}
    curves = {name: gamma(2.2) for name in (b"rTRC", b"gTRC", b"bTRC")}
    return icc(b"mntr", b"RGB ", b"XYZ ", primaries | curves | {b"wtpt": xyz(0.9642, 1.0, 0.8249)})


def linear_grey() -> bytes:
    return icc(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": gamma(1.0), b"wtpt": xyz(0.9642, 1.0, 0.8249)})


def inks() -> bytes:
    """A press that prints cyan as a dark grey, and everything else as black."""
    ramp = bytes(range(256))
    corners = [255 if not any(ink >> bit & 1 for bit in range(4)) else 100 * (ink == 8) for ink in range(16)]
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + struct.pack(">9i", *(np.eye(3).ravel() * 65536).astype(int))
    lut += ramp * 4 + bytes(value for lightness in corners for value in (lightness, 128, 128)) + ramp * 3
    return icc(b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut, b"wtpt": xyz(0.9642, 1.0, 0.8249)})


def in_srgb(own: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Convert by the definitions: gamma 2.2 and P3's primaries to sRGB's curve and primaries."""
    linear = np.clip((own / 255.0) ** 2.2 @ (np.linalg.inv(SRGB) @ P3).T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255


def patches(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.repeat(np.repeat(colours[None], 32, axis=0), 32, axis=1))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".avif"])
def test_a_photo_in_display_p3_is_shown_in_srgb(tmp_path, suffix):
    exact = {".jpg": {"quality": 100, "subsampling": 0}, ".webp": {"lossless": True}, ".avif": {"quality": 100}}
    options = exact.get(suffix, {})
    Image.fromarray(patches(OWN)).save(tmp_path / f"p{suffix}", icc_profile=display_p3(), **options)
    seen = read_image(tmp_path / f"p{suffix}")[16, 16::32]
    assert np.abs(seen - in_srgb(OWN)).max() < 4
    assert np.abs(OWN - in_srgb(OWN)).max() > 20


class Recorder:
    height = width = 64

    def __init__(self) -> None:
        self.seen: list[NDArray[np.uint8]] = []

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.seen.append(image)
        return np.full(trimap.shape, 0.5, np.float32)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".tiff"])
def test_a_cut_out_keeps_the_photos_own_colours_and_profile(tmp_path, suffix):
    Image.fromarray(patches(OWN)).save(tmp_path / "p.png", icc_profile=display_p3())
    photo, model = read_photo(tmp_path / "p.png"), Recorder()
    trimap = np.full(photo.rgb.shape[:2], 255, np.uint8)
    trimap[:, 16:20], trimap[:8] = 128, 0
    write_rgba(tmp_path / f"c{suffix}", cut_out(model, photo.rgb, trimap, profile=photo.profile), photo.profile)
    with Image.open(tmp_path / f"c{suffix}") as cutout:
        assert cutout.info["icc_profile"] == display_p3()
        pixels = np.asarray(cutout)
    solid = pixels[..., 3] == 255
    assert (pixels[solid, :3] == photo.rgb[solid]).all()
    assert np.abs(model.seen[0][16, 4] - in_srgb(OWN[0])).max() < 3


def test_without_a_profile_nothing_is_changed_and_none_is_written(tmp_path):
    Image.fromarray(patches(OWN)).save(tmp_path / "p.png")
    photo = read_photo(tmp_path / "p.png")
    assert photo.profile is None
    assert (read_image(tmp_path / "p.png") == patches(OWN)).all()
    write_rgba(tmp_path / "c.png", np.dstack([photo.rgb, photo.rgb[..., :1]]))
    assert "icc_profile" not in Image.open(tmp_path / "c.png").info


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_grey_photo_goes_by_its_profile_and_becomes_srgb(tmp_path, mode):
    Image.new("L", (8, 8), 128).convert(mode).save(tmp_path / "g.png", icc_profile=linear_grey())
    photo = read_photo(tmp_path / "g.png")
    assert photo.profile is None
    assert np.abs(photo.rgb.astype(int) - 188).max() <= 1  # 128 / 255 of the light, by sRGB's curve


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_a_cmyk_photo_goes_by_its_profile_and_becomes_srgb(tmp_path, suffix):
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / f"c{suffix}", icc_profile=inks())
    cyan = read_photo(tmp_path / f"c{suffix}")
    assert cyan.profile is None
    # Lightness 100 / 255, which is a grey of 92 in sRGB; without the profile it would be 0, 255, 255.
    assert np.abs(cyan.rgb.astype(int) - 92).max() <= 1


def test_a_cmyk_photo_without_a_profile_is_read(tmp_path):
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / "c.tif")
    assert read_photo(tmp_path / "c.tif").rgb[0, 0].tolist() == [0, 255, 255]


@pytest.mark.parametrize("profile", [b"damaged", linear_grey(), inks(), display_p3()[:200]])
def test_a_profile_that_does_not_fit_is_dropped(tmp_path, profile):
    Image.fromarray(patches(OWN)).save(tmp_path / "p.png", icc_profile=profile)
    photo = read_photo(tmp_path / "p.png")
    assert photo.profile is None
    assert (photo.rgb == patches(OWN)).all()


def test_a_grey_photo_with_an_rgb_profile_keeps_it(tmp_path):
    Image.new("L", (8, 8), 128).save(tmp_path / "g.png", icc_profile=display_p3())
    photo = read_photo(tmp_path / "g.png")
    assert photo.profile == display_p3()
    assert (photo.rgb == 128).all()
