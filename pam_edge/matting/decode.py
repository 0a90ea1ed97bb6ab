"""Open picture files: whole ones only, upright, whatever the format and the channels.

Everything that reads a picture comes through here. Pillow decodes; OpenCV does what Pillow does not: it reads codes of
16 bits and floats in files of several channels, and it lets libjpeg say that a JPEG is damaged.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps

from pam_edge.errors import UsageError
from pam_edge.files import why_unreadable

_MOST_PIXELS = 2**30
"""As many as OpenCV takes; Pillow by itself refuses what some phones take today, 200 megapixels."""

_UNREAD = (
    (rb"....ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)", "HEIC"),
    (rb"\xff\x0a|....JXL ", "JPEG XL"),
    (rb"<\?xml|<svg", "SVG"),
    (rb"v/1\x01", "OpenEXR"),
    (rb"%PDF", "PDF"),
)
"""How formats begin that people try and that are not read, so that they are named and not called damaged."""

_DAMAGE = re.compile(r"(?:Corrupt|Premature end of) JPEG[^\n]*")
_PADDING = re.compile(r"(\d+) extraneous bytes before marker 0xd9")

_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, RuntimeError)
"""What Pillow's plugins raise at damaged files."""

_lock = threading.RLock()
"""Guards what is the whole process's own: Pillow's limit and the descriptor that libjpeg writes its warnings to."""


def decode(file: Path, encoded: bytes | None = None) -> Image.Image:
    """Open a picture, upright: by its EXIF orientation, by AVIF's rotation and mirroring, or by TIFF's tag.

    Of an animation, the first picture is taken.

    Args:
        file: to read.
        encoded: its content, where it lies in another file; ``file`` is then its name in messages.

    Raises:
        UsageError: if the file is missing, empty, damaged, cut short, too large, or in a format that is not read.
    """
    return _decode(file, _bytes(file) if encoded is None else encoded)


def decode_codes(file: Path) -> tuple[NDArray[Any], NDArray[Any] | None, bool]:
    """Read what a file holds as numbers, not as colours: nothing is scaled, and no profile is applied.

    Returns:
        Greys, [H,W]; the alpha channel, [H,W], or None where there is none; and whether there is colour in the file.
        Both arrays are uint8, uint16, int32 or float32, as stored.

    Raises:
        UsageError: as ``decode``.
    """
    encoded = _bytes(file)
    deep = _deep_channels(encoded)
    if deep is not None:
        return _grey_alpha(deep)
    image = _decode(file, encoded)
    if image.mode in ("1", "I", "F") or image.mode.startswith("I;16"):
        return np.asarray(image.convert("L") if image.mode == "1" else image), None, False
    if image.has_transparency_data:
        return _grey_alpha(np.asarray(convert(image, "RGBA", file)))
    if image.mode == "L":
        return np.asarray(image), None, False
    return _grey_alpha(np.asarray(convert(image, "RGB", file)))


def convert(image: Image.Image, mode: str, file: Path) -> Image.Image:
    """Convert to another of Pillow's modes.

    Raises:
        UsageError: if the picture's colours are of a kind that Pillow does not convert, such as Lab.
    """
    try:
        return image.convert(mode)
    except ValueError as e:
        raise UsageError(
            f"Expected a picture in RGB, grey or CMYK in {file}; its mode is {image.mode}, which is not converted. "
            "Save it again as RGB."
        ) from e


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as e:
        why = why_unreadable(e)
        raise UsageError(f"Expected an image file at {file}; it cannot be read: {why}. Check the path.") from e


def _decode(file: Path, encoded: bytes) -> Image.Image:
    try:
        with _opened(encoded) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise UsageError(
                    f"Expected at most {_MOST_PIXELS:,} pixels; {file} has {image.width} x {image.height}. "
                    "Make it smaller, or cut it up."
                )
            is_16_bits = _is_16_bits(image)
            image.load()
            if image.format in ("JPEG", "MPO"):
                _check_jpeg(file, encoded)
            return ImageOps.exif_transpose(image.convert("I;16") if is_16_bits else image)
    except _BROKEN as e:
        raise UsageError(_not_read(file, encoded)) from e


@contextmanager
def _opened(encoded: bytes) -> Iterator[ImageFile.ImageFile]:
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that is not used here
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image = Image.open(BytesIO(encoded))
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    with image:
        yield image


def _is_16_bits(image: ImageFile.ImageFile) -> bool:
    """Tell whether a file that is not loaded yet holds 16 bits, unsigned, which Pillow would keep as 32."""
    stored = str(image.tile[0][3]) if image.tile else ""
    return image.mode == "I" and (image.format == "PPM" or (";16" in stored and "S" not in stored))


def _not_read(file: Path, encoded: bytes) -> str:
    named = next((name for start, name in _UNREAD if re.match(start, encoded[:16], re.DOTALL)), None)
    found = (
        f"it is {named}, which is not read"
        if named
        else f"its {len(encoded)} bytes are damaged, cut short, or in a format that is not read (32-bit float colour "
        "and camera raw, for two)"
    )
    return f"Expected an image in {file}; {found}. Save it again as 8- or 16-bit PNG or as JPEG."


def _check_jpeg(file: Path, encoded: bytes) -> None:
    """Refuse a JPEG that libjpeg had to make pixels up for: Pillow takes those without a word.

    It decodes all bits but an eighth of the pixels a side. Damage that happens to leave a valid file is not seen.
    """
    with _lock, _native_errors() as said:
        cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    damage = _DAMAGE.search(said[0])
    if damage is None or _is_padding(damage[0], encoded):
        return
    raise UsageError(
        f"Expected a whole JPEG in {file}; it is damaged or cut short: {damage[0]}. Take another copy of the file."
    )


def _is_padding(damage: str, encoded: bytes) -> bool:
    """Tell whether what libjpeg found is zeros before the end, as some cameras write them."""
    padding = _PADDING.search(damage)
    return padding is not None and bytes(int(padding[1])) + b"\xff\xd9" in encoded


@contextmanager
def _native_errors() -> Iterator[list[str]]:
    """Collect what native code writes to standard error; what is no JPEG's damage goes there afterwards."""
    said = [""]
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            said[0] = caught.read().decode(errors="replace")
            sys.stderr.write(_DAMAGE.sub("", said[0]).lstrip())


def _deep_channels(encoded: bytes) -> NDArray[Any] | None:
    """Return [H,W,C], RGB(A), of a file of several channels of 16 bits or floats: Pillow keeps 8 bits, or nothing."""
    orientation = 1
    try:
        with _opened(encoded) as image:
            if len(image.getbands()) < 3 or not any(";16" in str(tile[3]) for tile in image.tile):
                return None
            # OpenCV turns TIFF by itself, and PNG not when it is to keep all channels.
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1) if image.format == "PNG" else 1
    except _BROKEN:
        if not re.match(rb"II\*\0|MM\0\*", encoded):
            return None
    try:
        stored = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if stored is None or stored.ndim != 3 or stored.dtype not in (np.uint16, np.float32):
        return None
    return _upright(stored[..., [2, 1, 0, 3][: stored.shape[2]]], orientation)


def _upright(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn [H,W,C] by an EXIF orientation: 5 to 8 lie on their side, and the rest is flips."""
    turned = stored.swapaxes(0, 1) if orientation >= 5 else stored
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return turned[::rows, ::columns]


def _grey_alpha(pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None, bool]:
    colours = pixels[..., :3]
    alpha = pixels[..., 3] if pixels.shape[2] == 4 else None
    if (colours[..., 0] == colours[..., 1]).all() and (colours[..., 0] == colours[..., 2]).all():
        return colours[..., 0], alpha, False
    return cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_RGB2GRAY), alpha, _has_colour(colours)


def _has_colour(colours: NDArray[Any]) -> bool:
    """Tell colour from the tint that encoders add: an eighth of the brightest value, in a hundredth of the pixels."""
    spread = colours.max(axis=2) - colours.min(axis=2)
    return bool((spread > colours.max() / 8).mean() > 0.01)
