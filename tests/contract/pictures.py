"""Inputs of cases: masks and pictures that are cheap to state and have what goes wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]


def blobs(height: int, width: int, seed: int, *, soft: bool) -> U8:
    """Return a mask of discs, which may leave the picture; soft ones have rims of grey."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    mask = np.zeros((height, width))
    for _ in range(3):
        row, column = generator.uniform(0, height), generator.uniform(0, width)
        radius = generator.uniform(0.1, 0.35) * min(height, width)
        depth = radius - np.hypot(rows - row, columns - column)
        mask = np.maximum(mask, np.clip(depth / 3 + 0.5, 0, 1) if soft else depth > 0)
    return np.asarray((mask * 255).round(), np.uint8)


def picture(height: int, width: int, seed: int) -> U8:
    """Return RGB of slow waves and some noise."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    waves = [np.sin(rows / (5 + 3 * c) + c) * np.cos(columns / (7 - c)) for c in range(3)]
    values = 128 + 90 * np.stack(waves, axis=2) + generator.normal(0, 12, (height, width, 3))
    return np.asarray(values.clip(0, 255).round(), np.uint8)
