"""Read pictures, trimaps and masks from files; write cut-outs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import UsageError
from pam_edge.files import write_whole
from pam_edge.matting.trimaps import clean_trimap, trimap_from_mask

_WRITERS: dict[str, list[int]] = {
    ".png": [],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 101],  # above 100 means lossless
    ".tif": [],
    ".tiff": [],
}
"""Formats that keep straight alpha beside colour, with the options that keep both unchanged."""

_LABELS_UP_TO = 3
"""A trimap with no grey above this is a label map (0, 1, 2), not one in the contract's greys."""


def read_image(file: Path) -> NDArray[np.uint8]:
    """Read a picture as it is meant to be seen: colour, upright.

    Takes what OpenCV takes: JPEG, PNG, WebP, TIFF, BMP, GIF and more, with palette, grey, or 16 bit (the high byte
    counts). EXIF orientation is applied. An alpha channel is dropped, except that TIFF colours come multiplied by it.

    Returns:
        uint8[H,W,3], RGB.

    Raises:
        UsageError: if the file is missing, empty, damaged, or in no known format.
    """
    return np.ascontiguousarray(_decode(file, cv2.IMREAD_COLOR)[..., ::-1])


def read_trimap(file: Path, height: int, width: int) -> NDArray[np.uint8]:
    """Read the trimap of a picture of a given size.

    Returns:
        uint8[H,W] of 0, 128 and 255.

    Raises:
        UsageError: if the file cannot be read, is of another size, or holds labels instead of greys.
    """
    grey = _decode(file, cv2.IMREAD_GRAYSCALE)
    _check_size(file, "trimap", grey, height, width)
    if 0 < grey.max() <= _LABELS_UP_TO:
        raise UsageError(
            f"Expected a trimap of 0 background, 128 unknown and 255 foreground; {file} holds no value above "
            f"{grey.max()}, so it looks like a map of labels. Scale its labels to 0, 128 and 255."
        )
    return clean_trimap(grey)


def read_mask(file: Path, height: int, width: int) -> NDArray[np.uint8]:
    """Read the mask of a picture of a given size.

    A file with transparency (a cut-out) is masked by its alpha channel, any other by its grey. A mask of zeros and
    ones is scaled up.

    Returns:
        uint8[H,W], 0 background to 255 foreground.

    Raises:
        UsageError: if the file cannot be read or is of another size.
    """
    stored = _decode(file, cv2.IMREAD_UNCHANGED)
    transparent = stored.ndim == 3 and stored.shape[2] == 4 and bool((stored[..., 3] != stored[..., 3].max()).any())
    # EXIF orientation is applied to greys alone: OpenCV leaves it to the caller when it is to return all channels.
    mask = _to_bytes(stored[..., 3]) if transparent else _decode(file, cv2.IMREAD_GRAYSCALE)
    _check_size(file, "mask", mask, height, width)
    return np.where(mask > 0, np.uint8(255), np.uint8(0)) if mask.max() == 1 else mask


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


def write_rgba(file: Path, rgba: NDArray[np.uint8]) -> None:
    """Write a cut-out, whole or not at all.

    Args:
        file: where to; .png, .webp (lossless), .tif or .tiff. Its folder is made when missing.
        rgba: uint8[H,W,4], straight alpha.

    Raises:
        UsageError: if the format cannot hold a cut-out, or the file cannot be written.
    """
    check_writable_format(file)
    try:
        done, encoded = cv2.imencode(file.suffix.lower(), rgba[..., [2, 1, 0, 3]], _WRITERS[file.suffix.lower()])
    except cv2.error as e:
        raise UsageError(_cannot_encode(file, rgba)) from e
    if not done:
        raise UsageError(_cannot_encode(file, rgba))
    try:
        write_whole(file, encoded.tobytes())
    except OSError as e:
        raise UsageError(f"Expected to write {file}; got {e.strerror or e}. Choose a folder you may write to.") from e


def check_writable_format(file: Path) -> None:
    """Refuse a file name whose format cannot hold a cut-out, before any work is done.

    Raises:
        UsageError: if the name ends in anything else than .png, .webp, .tif or .tiff.
    """
    if file.suffix.lower() not in _WRITERS:
        raise UsageError(
            f"Expected an output that can hold transparency ({', '.join(_WRITERS)}); got {file.name!r}. "
            "Name the output .png, for one."
        )


def _decode(file: Path, mode: int) -> NDArray[np.uint8]:
    try:
        encoded = np.frombuffer(file.read_bytes(), np.uint8)
    except OSError as e:
        raise UsageError(f"Expected an image file at {file}; got {e.strerror or e}. Check the path.") from e
    try:
        decoded = cv2.imdecode(encoded, mode) if encoded.size else None
    except cv2.error:  # such as more pixels than OpenCV takes
        decoded = None
    if decoded is None:
        raise UsageError(
            f"Expected an image in {file}; its {encoded.size} bytes are damaged, cut short, or in a format that is "
            "not read (32-bit float, for one). Save it again as 8- or 16-bit PNG or as JPEG."
        )
    return np.asarray(decoded)


def _check_size(file: Path, role: str, grey: NDArray[np.uint8], height: int, width: int) -> None:
    if grey.shape != (height, width):
        raise UsageError(
            f"Expected a {role} as large as its picture, {width} x {height}; {file} is {grey.shape[1]} x "
            f"{grey.shape[0]}. Make the {role} at the picture's size (width x height, after EXIF rotation)."
        )


def _to_bytes(channel: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    return channel.astype(np.uint8) if channel.dtype == np.uint8 else (channel >> 8).astype(np.uint8)


def _cannot_encode(file: Path, rgba: NDArray[np.uint8]) -> str:
    size = f"{rgba.shape[1]} x {rgba.shape[0]}"
    return f"Expected to encode a cut-out of {size} as {file.suffix}; the format does not take it. Use .png instead."
