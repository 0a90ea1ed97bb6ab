"""Draw strands with an exact alpha: at four times the resolution, in layers, and then averaged down.

Within a layer the strand drawn last hides the others; layers are composed as glass is, each with an opacity of its own.
Colours are averaged weighted by alpha: a pixel's straight colour is that of the strands in it and of nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

OVERSAMPLING = 4
_SHIFT = 4
"""Binary digits after the point of the coordinates that OpenCV takes."""
_DRAWN = {1: 1.35, 2: 3.4, 3: 5.4, 6: 7.6, 8: 9.7, 10: 11.8, 12: 14.0}
"""How wide OpenCV draws antialiased lines of a thickness, a mean over angles: all come out wider than asked for."""
_CHUNKS = 5
"""Pieces of a strand that are drawn with one width and one colour each."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Strands:
    """M strands of K points each, in pixels of the final picture.

    Attributes:
        points: float32[M, K, 2], x and y from root to tip.
        widths: float32[M, K], in pixels.
        colours: float32[M, K, 3], RGB, 0..255.
        layers: int[M], 0 is the furthest away.
    """

    points: Floats
    widths: Floats
    colours: Floats
    layers: NDArray[np.int64]


def draw_strands(strands: Strands, height: int, width: int, opacities: tuple[float, ...]) -> Floats:
    """Return float32[H, W, 4], premultiplied RGB (0..255) and alpha (0..1).

    Args:
        strands: what to draw.
        height: of the picture in pixels.
        width: of the picture in pixels.
        opacities: of each layer, 0..1; strands of a layer that has none are not drawn.
    """
    total = np.zeros((height, width, 4), np.float32)
    for layer, opacity in enumerate(opacities):
        chosen = np.flatnonzero(strands.layers == layer)
        if len(chosen):
            total = compose_over(_draw_layer(strands, chosen, height, width) * np.float32(opacity), total)
    return total


def compose_over(top: Floats, below: Floats) -> Floats:
    """Compose premultiplied float32[H, W, 4] pictures."""
    return np.asarray(top + below * (1 - top[..., 3:]), np.float32)


def _draw_layer(strands: Strands, chosen: NDArray[np.int64], height: int, width: int) -> Floats:
    shape = (height * OVERSAMPLING, width * OVERSAMPLING)
    colour, cover = np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint8)
    for index in chosen.tolist():
        _draw_strand(colour, cover, strands.points[index], strands.widths[index], strands.colours[index])
    large = np.empty((*shape, 4), np.float32)
    np.divide(cover, np.float32(255), out=large[..., 3], dtype=np.float32)
    np.multiply(colour, large[..., 3:], out=large[..., :3])
    return np.asarray(cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _draw_strand(
    colour: NDArray[np.uint8], cover: NDArray[np.uint8], points: Floats, widths: Floats, colours: Floats
) -> None:
    """Draw one strand: its colour a little wider than its cover, so that no covered pixel lacks one."""
    fixed = np.rint((points * OVERSAMPLING + (OVERSAMPLING - 1) / 2) * (1 << _SHIFT)).astype(np.int32)
    ends = np.linspace(0, len(points) - 1, _CHUNKS + 1).astype(int).tolist()
    for first, last in pairwise(ends):
        middle = (first + last) // 2
        piece = [fixed[first : last + 1, None]]
        thickness, level = _pen(float(widths[middle]) * OVERSAMPLING)
        cv2.polylines(colour, piece, False, colours[middle].tolist(), thickness + 2, cv2.LINE_8, _SHIFT)
        cv2.polylines(cover, piece, False, 255 * level, thickness, cv2.LINE_AA, _SHIFT)


def _pen(width: float) -> tuple[int, float]:
    """Return the thickness to ask OpenCV for, and how much its line covers: what is thinner than a line covers less."""
    thickness = min(_DRAWN, key=lambda candidate: abs(_DRAWN[candidate] - width))
    return thickness, min(1.0, width / _DRAWN[thickness])
