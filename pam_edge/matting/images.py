"""Read pictures, trimaps and masks from files; write cut-outs."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pam_edge.errors import UsageError
from pam_edge.files import what_is_in_the_way, write_whole
from pam_edge.matting.codes import mask_of, trimap_of
from pam_edge.matting.colour import own_rgb, to_srgb
from pam_edge.matting.decode import decode, decode_codes
from pam_edge.matting.trimaps import trimap_from_mask

_WRITERS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG", "compress_level": 3},  # half of the default's time for 30 % more bytes
    ".webp": {"format": "WEBP", "lossless": True, "exact": True, "method": 2},
    ".tif": {"format": "TIFF", "compression": "tiff_lzw"},
    ".tiff": {"format": "TIFF", "compression": "tiff_lzw"},
}
"""Formats that keep straight alpha beside colour, with the options that keep both unchanged."""

_LONGEST_SIDES_PX = {".webp": 16_383}
"""The longest side of a picture that a format holds, where it is short."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph in its own colours.

    Attributes:
        rgb: uint8[H,W,3], in the RGB of the profile.
        profile: ICC profile; None for sRGB.
    """

    rgb: NDArray[np.uint8]
    profile: bytes | None


def read_photo(file: Path) -> Photo:
    """Read a photograph upright and in its own colours.

    Takes JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF and more, in RGB, palette, grey or CMYK, of 8 or 16 bits (the high byte
    counts). An alpha channel is dropped.

    Raises:
        UsageError: if the file is missing, empty, damaged, or in a format that is not read.
    """
    return Photo(*own_rgb(decode(file), file))


def read_image(file: Path) -> NDArray[np.uint8]:
    """Read a picture as a network is to see it: upright, in sRGB.

    Returns:
        uint8[H,W,3], sRGB.

    Raises:
        UsageError: as ``read_photo``.
    """
    photo = read_photo(file)
    return to_srgb(photo.profile)(photo.rgb)


def read_cutout(file: Path, encoded: bytes | None = None) -> NDArray[np.uint8]:
    """Read a picture with the transparency that it may have; arguments are those of ``decode``.

    Returns:
        uint8[H,W,4], sRGB and straight alpha; or uint8[H,W,3] where the file has no transparency.

    Raises:
        UsageError: as ``read_photo``.
    """
    image = decode(file, encoded)
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    rgb, profile = own_rgb(image, file)
    srgb = to_srgb(profile)(rgb)
    return srgb if alpha is None else np.dstack([srgb, np.asarray(alpha)])


def read_trimap(file: Path, height: int, width: int) -> NDArray[np.uint8]:
    """Read the trimap of a picture of a given size; ``pam_edge.matting.codes`` says which values it may hold.

    Returns:
        uint8[H,W] of 0, 128 and 255.

    Raises:
        UsageError: if the file cannot be read, is of another size, or its values can mean several things.
    """
    grey, alpha, is_coloured = decode_codes(file)
    _check_size(file, "trimap", grey, height, width)
    return trimap_of(grey, alpha, is_coloured, file)


def read_mask(file: Path, height: int, width: int) -> NDArray[np.uint8]:
    """Read the mask of a picture of a given size; ``pam_edge.matting.codes`` says which values it may hold.

    A file with transparency (a cut-out) is masked by its alpha channel, any other by its grey.

    Returns:
        uint8[H,W], 0 background to 255 foreground.

    Raises:
        UsageError: if the file cannot be read, is of another size, or its values can mean several things.
    """
    grey, alpha, is_coloured = decode_codes(file)
    _check_size(file, "mask", grey, height, width)
    return mask_of(grey, alpha, is_coloured, file)


def read_trimap_or_mask(
    trimap: Path | None, mask: Path | None, height: int, width: int, band_px: int | None = None
) -> NDArray[np.uint8]:
    """Read the trimap of a picture, or make it from a mask; exactly one of the two files is given.

    Returns:
        uint8[H,W] of 0, 128 and 255.

    Raises:
        UsageError: if both or neither are given, or the file cannot be used.
    """
    if trimap is not None and mask is None:
        return read_trimap(trimap, height, width)
    if mask is not None and trimap is None:
        return trimap_from_mask(read_mask(mask, height, width), band_px)
    found = "both" if trimap is not None else "neither"
    raise UsageError(f"Expected either a trimap or a mask; got {found}. Give one: it says what to cut out.")


def write_rgba(file: Path, rgba: NDArray[np.uint8], profile: bytes | None = None) -> None:
    """Write a cut-out, whole or not at all.

    Args:
        file: where to; .png, .webp (lossless), .tif or .tiff. Its folder is made when missing.
        rgba: uint8[H,W,4], straight alpha.
        profile: ICC profile of its colours, which the file carries; None for sRGB.

    Raises:
        UsageError: if the format cannot hold the cut-out, or the file cannot be written.
    """
    check_writable_format(file, *rgba.shape[:2])
    encoded = BytesIO()
    # An empty profile keeps Pillow from writing one of its own.
    Image.fromarray(rgba).save(encoded, icc_profile=profile or b"", **_WRITERS[file.suffix.lower()])
    try:
        write_whole(file, encoded.getbuffer())
    except OSError as e:
        why = what_is_in_the_way(file) or e.strerror or e
        raise UsageError(f"Expected to write {file}; it cannot be: {why}. Name a file that you may write.") from e


def check_writable_format(file: Path, height: int, width: int) -> None:
    """Refuse a file name whose format cannot hold a cut-out of a size, before any work is done.

    Raises:
        UsageError: if the name ends in anything else than .png, .webp, .tif or .tiff, or the picture is too large.
    """
    if file.suffix.lower() not in _WRITERS:
        raise UsageError(
            f"Expected an output that can hold transparency ({', '.join(_WRITERS)}); got {file.name!r}. "
            "Name the output .png, for one."
        )
    longest = _LONGEST_SIDES_PX.get(file.suffix.lower())
    if longest is not None and max(height, width) > longest:
        raise UsageError(
            f"Expected a picture of at most {longest:,} pixels a side for {file.suffix}; {file.name} would be "
            f"{width} x {height}. Name the output .png instead."
        )


def _check_size(file: Path, role: str, grey: NDArray[Any], height: int, width: int) -> None:
    if grey.shape != (height, width):
        raise UsageError(
            f"Expected a {role} as large as its picture, {width} x {height}; {file} is {grey.shape[1]} x "
            f"{grey.shape[0]}. Make the {role} at the picture's size (width x height, after EXIF rotation)."
        )
