"""Colour spaces: a network knows sRGB, and a cut-out keeps the photograph's own colours and their ICC profile."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from pam_edge.errors import UsageError
from pam_edge.matting.decode import convert

_WIDE = {"I": "signed or 32-bit integers", "F": "32-bit floats"}
"""What Pillow's wide modes hold: which values are black and white in them is not known."""

_SRGB = ImageCms.createProfile("sRGB")
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION

Colours = NDArray[np.uint8]


def own_rgb(image: Image.Image, file: Path) -> tuple[Colours, bytes | None]:
    """Return a picture as RGB, and the ICC profile that says which RGB.

    An RGB picture keeps its own colours and profile. Grey and CMYK ones become sRGB by their profile, for no profile
    describes them as RGB. A profile that is damaged or describes another kind of picture is dropped, as browsers do.
    An alpha channel is dropped.

    Returns:
        uint8[H,W,3], and the profile, or None for sRGB.

    Raises:
        UsageError: if the picture holds no colours that can be shown.
    """
    profile: bytes = image.info.get("icc_profile") or b""
    space = _space(profile)
    image = _eight_bits(image, file)
    if (image.mode, space) in (("L", "GRAY"), ("CMYK", "CMYK")):
        return _rows(image, _transform(profile, image.mode)), None
    return np.asarray(convert(image, "RGB", file)), profile if space == "RGB" else None


@lru_cache(maxsize=4)
def to_srgb(profile: bytes | None) -> Callable[[Colours], Colours]:
    """Return what turns uint8[H,W,3] in a profile's RGB into sRGB; without a profile, nothing is changed."""
    if profile is None:
        return _unchanged
    transform = _transform(profile, "RGB")
    return lambda picture: _rows(Image.fromarray(np.ascontiguousarray(picture)), transform)


def _unchanged(picture: Colours) -> Colours:
    return picture


def _space(profile: bytes) -> str | None:
    """Return the colour space that a usable profile describes: RGB, GRAY, CMYK or another; else None."""
    try:
        if not profile:
            return None
        space = str(ImageCms.ImageCmsProfile(BytesIO(profile)).profile.xcolor_space).strip()
        if space == "RGB":
            to_srgb(profile)
        return space
    except (OSError, ImageCms.PyCMSError):
        return None


def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    return ImageCms.buildTransform(source, _SRGB, mode, "RGB", _INTENT, _FLAGS)


def _rows(image: Image.Image, transform: ImageCms.ImageCmsTransform, strip: int = 512) -> Colours:
    """Apply a transform strip by strip: large photographs need not be in memory several times."""
    result = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, strip):
        part = image.crop((0, top, image.width, min(top + strip, image.height)))
        result[top : top + strip] = np.asarray(ImageCms.applyTransform(part, transform))
    return result


def _eight_bits(image: Image.Image, file: Path) -> Image.Image:
    """Return grey of one channel as L, of 16 bits by its high byte; other kinds are left as they are."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in _WIDE:
        raise UsageError(_not_shown(file, _WIDE[image.mode]))
    if image.mode == "P" and image.has_transparency_data:
        return convert(image, "RGBA", file)
    return image.convert("L") if image.mode in ("1", "L", "LA") else image


def _not_shown(file: Path, kind: str) -> str:
    return (
        f"Expected a picture of 8 or 16 bits in {file}; it holds {kind}, and what of them is black and white is not "
        "known. Save it again as 8- or 16-bit PNG or as JPEG."
    )
