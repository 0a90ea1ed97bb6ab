"""What the numbers in a mask or trimap file stand for: the one place that decides it.

Tools write masks and trimaps in many codes. What can mean one thing only is read; the rest is refused with what to do,
for a wrong guess gives an empty or hard cut-out and no error. The steps, in order:

1. Depth. 16-bit numbers, and floats, are scaled to 0..255, unless none is above 255: then they are 8-bit codes in a
   wide file. Floats up to 1 are shares.
2. Channel. An alpha channel that varies is a mask (a cut-out). A trimap is in the alpha channel if the greys are all
   alike, in the greys if the alpha channel is; when both vary and differ, it is refused.
3. Levels, the different values. More than eight are a continuous picture: JPEG noise, soft edges, a matte.

| levels | as a mask | as a trimap |
|---|---|---|
| 0 alone, 255 alone | that | that |
| another alone | refused | unknown if in 64..191, else refused |
| 0 and n | n is foreground, whatever n is | n is unknown in 64..191, foreground from 250, else refused |
| two others | soft if near 0 and 255, else refused | each as in the line above, one of them from 64; else refused |
| three to eight, the least below 64, the largest from 192 | soft | all between the least and the largest is unknown |
| three to eight others, such as 0, 1, 2 or 0, 2, 4 | refused | refused |
| up to eight, a number below 32, not the least, covers more than foreground does | refused | refused |
| more than eight | soft | background below 64, foreground from 192 |
| more than two colours | refused | refused |

Low numbers are class numbers: tools do not agree which of 0, 1, 2 is unknown, and a map of classes often has 255 for
"ignore". Values within 5 of 0 or 255, "near" it, are noise of an encoder and count as 0 and 255 where a level is known
by itself. Soft: 0 to 5 is background, 250 to 255 foreground, and anything between unknown to the mask's trimap.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import UsageError
from pam_edge.matting.trimaps import (
    BACKGROUND,
    CLEAR_UP_TO,
    FOREGROUND,
    FOREGROUND_FROM,
    SOLID_FROM,
    UNKNOWN,
    UNKNOWN_FROM,
    clean_trimap,
)

_FEW = 8
"""Up to so many values are codes; a continuous picture has more."""

_CLASSES_BELOW = 32
"""Codes under this can be class numbers: segmentation sets have about twenty classes."""

Codes = NDArray[np.uint8]


def mask_of(grey: NDArray[Any], alpha: NDArray[Any] | None, is_coloured: bool, file: object) -> Codes:
    """Return the mask that a file's numbers stand for, by this module's table.

    Args:
        grey: [H,W] as stored, uint8, uint16, int32 or float32.
        alpha: [H,W] of the same kind, or None.
        is_coloured: whether the file is in colour.
        file: for messages.

    Returns:
        uint8[H,W], 0 background to 255 foreground.

    Raises:
        UsageError: if the numbers can mean several things.
    """
    if alpha is not None and _varies(alpha):
        codes, is_coloured = to_bytes(alpha, file), False
    else:
        codes = to_bytes(grey, file)
    levels = _levels(codes)
    if len(levels) == 2 and levels[0] == 0:
        return np.where(codes == 0, np.uint8(BACKGROUND), np.uint8(FOREGROUND))
    if is_coloured:
        raise UsageError(_coloured("mask", file))
    if len(levels) > _FEW:
        return codes
    near = (levels <= CLEAR_UP_TO) | (levels >= SOLID_FROM)
    if levels.size == 1:
        soft = levels[0] in (BACKGROUND, FOREGROUND)
    elif levels.size == 2:
        soft = bool(near.all()) and levels[-1] >= SOLID_FROM
    else:
        soft = _spans(levels) and not _has_classes(codes, levels)
    if not soft:
        raise UsageError(
            f"Expected a mask of 0 background and 255 foreground; {file} holds {_listed(levels)}, which may be class "
            "numbers. Write the subject's number as 255 and everything else as 0."
        )
    return codes


def trimap_of(grey: NDArray[Any], alpha: NDArray[Any] | None, is_coloured: bool, file: object) -> Codes:
    """Return the trimap that a file's numbers stand for, by this module's table; arguments are those of ``mask_of``.

    Returns:
        uint8[H,W] of 0, 128 and 255.

    Raises:
        UsageError: if the numbers can mean several things.
    """
    if alpha is not None and _varies(alpha):
        if _varies(grey) and not np.array_equal(grey, alpha):
            raise UsageError(
                f"Expected a trimap of one channel; in {file} both the colours and the alpha channel vary. Save the "
                "trimap without transparency, or give a cut-out as a mask."
            )
        grey, is_coloured = alpha, False
    codes = to_bytes(grey, file)
    levels = _levels(codes)
    if is_coloured:
        raise UsageError(_coloured("trimap", file))
    if levels.size > _FEW:
        return clean_trimap(codes)
    # Up to two levels are known by themselves; between two that are known, anything is unknown.
    is_clear = _spans(levels) if levels.size > 2 else _are_known(levels)
    if not is_clear or _has_classes(codes, levels):
        raise UsageError(
            f"Expected a trimap of 0 background, 128 unknown and 255 foreground; {file} holds {_listed(levels)}, "
            "which looks like a mask or a map of labels, and tools do not agree on labels. "
            f"Scale it to 0, 128 and 255{', or give it as a mask' if levels.size == 2 else ''}."
        )
    least = levels[0] if levels[0] < UNKNOWN_FROM else BACKGROUND
    largest = levels[-1] if levels[-1] >= FOREGROUND_FROM else FOREGROUND
    trimap = np.full(codes.shape, UNKNOWN, np.uint8)
    trimap[codes <= max(CLEAR_UP_TO, least)] = BACKGROUND
    trimap[codes >= min(SOLID_FROM, largest)] = FOREGROUND
    return trimap


def to_bytes(stored: NDArray[Any], file: object) -> Codes:
    """Return a channel of any depth as uint8[H,W], by step 1 of this module's rules.

    Raises:
        UsageError: if it holds negative values, values that are no numbers, or more than 16 bits.
    """
    least, largest = stored.min(), stored.max()
    if not (least >= 0 and largest <= 65535) or (stored.dtype == np.float32 and largest > 255):
        raise UsageError(
            f"Expected values of 8 or 16 bits, or floats from 0 to 1, in {file}; they go from {least} to {largest}. "
            "Save it again as an 8-bit PNG."
        )
    if stored.dtype == np.float32 and largest <= 1:
        return np.asarray((stored * 255).round(), np.uint8)
    if largest <= 255:
        return stored.round().astype(np.uint8) if stored.dtype == np.float32 else stored.astype(np.uint8)
    # Rounded, but never to 0: the lowest code that is not 0 is no background.
    return np.asarray(np.where(stored > 0, np.maximum((stored.astype(np.int32) + 128) // 257, 1), 0), np.uint8)


def _varies(channel: NDArray[Any]) -> bool:
    return bool((channel != channel.flat[0]).any())


def _counts(codes: Codes) -> NDArray[np.float32]:
    return np.asarray(cv2.calcHist([codes], [0], None, [256], [0, 256]), np.float32).ravel()


def _levels(codes: Codes) -> NDArray[np.int64]:
    return np.flatnonzero(_counts(codes))


def _spans(levels: NDArray[np.int64]) -> bool:
    return bool(levels[0] < UNKNOWN_FROM and levels[-1] >= FOREGROUND_FROM)


def _are_known(levels: NDArray[np.int64]) -> bool:
    middle = (levels >= UNKNOWN_FROM) & (levels < FOREGROUND_FROM)
    near = (levels <= CLEAR_UP_TO) | (levels >= SOLID_FROM)
    return bool((middle | near).all() and (levels[-1] == BACKGROUND or levels[-1] >= UNKNOWN_FROM))


def _has_classes(codes: Codes, levels: NDArray[np.int64]) -> bool:
    """Tell whether a low number covers more than foreground does: a map of classes in which 255 means "ignore"."""
    counts = _counts(codes)
    classes = counts[levels[0] + 1 : _CLASSES_BELOW]
    return bool(classes.max(initial=0) > counts[FOREGROUND_FROM:].sum())


def _listed(levels: NDArray[np.int64]) -> str:
    return "only " + ", ".join(map(str, levels.tolist()))


def _coloured(role: str, file: object) -> str:
    return (
        f"Expected a {role} in greys; {file} is in several colours, such as a photograph or a drawn map of classes "
        f"is. Save the {role} with 0 for background and 255 for foreground."
    )
