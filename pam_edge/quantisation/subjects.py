"""Subjects that are no strands, drawn with exact alpha: what features of bodies, soft edges and haze are like."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.learning.heldout import cover
from pam_edge.learning.library import Pixels

Rng = np.random.Generator
Draw = Callable[[Rng, int, Pixels], Pixels]
_Floats = NDArray[np.float32]

_WAVES = 7
"""Of a body's outline."""

_FLAME = np.array([[90, 10, 0], [230, 90, 10], [255, 190, 60], [255, 250, 220]], np.float32)
"""Colours from its faint to its dense places."""


def _solid(rng: Rng, side: int, skin: Pixels) -> Pixels:
    return _rgba(cover(skin, side, side), _body(rng, side, rng.uniform(0.5, 1.5)))


def _blurred(rng: Rng, side: int, skin: Pixels) -> Pixels:
    return _rgba(cover(skin, side, side), _body(rng, side, rng.uniform(4.0, 12.0)))


def _smoke(rng: Rng, side: int, _: Pixels) -> Pixels:
    grey = rng.uniform(120, 250) + 30 * (_haze(rng, side) - 0.5)
    return _rgba(np.dstack([grey] * 3), 0.9 * _puff(rng, side))


def _flame(rng: Rng, side: int, _: Pixels) -> Pixels:
    alpha = _puff(rng, side)
    heat = np.interp(alpha * _haze(rng, side), np.linspace(0, 0.8, len(_FLAME)), np.arange(len(_FLAME)))
    colour = np.dstack([np.interp(heat, np.arange(len(_FLAME)), channel) for channel in _FLAME.T])
    return _rgba(colour, alpha)


SUBJECTS: Mapping[str, Draw] = {
    "solid": _solid,
    "blurred": _blurred,
    "smoke": _smoke,
    "flame": _flame,
}
"""Each gives uint8[S, S, 4], straight RGBA, from a generator, the side and a photograph whose colours a body wears."""


def _rgba(colour: _Floats, alpha: _Floats) -> Pixels:
    return np.asarray(np.rint(np.dstack([colour, alpha * 255]).clip(0, 255)), np.uint8)


def _body(rng: Rng, side: int, blur: float) -> _Floats:
    """Return a closed outline, filled: a circle with waves, each smaller than the one before."""
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    waves = np.arange(1, _WAVES + 1)
    heights, shifts = rng.normal(0, 0.25, _WAVES) / waves, rng.uniform(0, 2 * np.pi, _WAVES)
    radii = side * rng.uniform(0.25, 0.36) * (1 + np.cos(angles[:, None] * waves + shifts) @ heights).clip(0.3, 1.6)
    points = side / 2 + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    filled = np.zeros((side, side), np.float32)
    cv2.fillPoly(filled, [np.rint(points * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
    return np.asarray(cv2.GaussianBlur(filled, (0, 0), blur), np.float32)


def _puff(rng: Rng, side: int) -> _Floats:
    """Return haze that is dense in a body's middle and thins out to its border."""
    body = _body(rng, side, 0.08 * side)
    return np.asarray((body * (0.25 + 1.5 * _haze(rng, side)) - 0.15).clip(0, 1), np.float32)


def _haze(rng: Rng, side: int) -> _Floats:
    """Return noise of several scales, 0..1."""
    total = np.zeros((side, side), np.float32)
    for cells in (4, 8, 16, 32, 64):
        cell = rng.random((cells, cells)).astype(np.float32)
        total += cv2.resize(cell, (side, side), interpolation=cv2.INTER_CUBIC) / cells**0.8
    return np.asarray((total - total.min()) / (total.max() - total.min()), np.float32)
