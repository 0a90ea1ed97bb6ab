"""Find a block's output among a file's intermediate values, or its weights among a file's bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from pam_edge.runtimes.base import BlockOutput


def first_unmatched(
    expected: Sequence[BlockOutput], candidates: Iterable[NDArray[np.floating]], tolerance: float
) -> str | None:
    """Return the first block that no candidate equals within ``tolerance`` of the block's largest value.

    Candidates are compared where their shape is the block's, in NCHW or NHWC. NaN matches nothing.
    """
    by_shape: dict[tuple[int, ...], list[NDArray[np.floating]]] = {}
    for values in candidates:
        by_shape.setdefault(values.shape, []).append(values)
        if values.ndim == 4:
            planar = values.transpose(0, 3, 1, 2)
            by_shape.setdefault(planar.shape, []).append(planar)
    for output in expected:
        allowed = tolerance * float(np.abs(output.values).max())
        similar = by_shape.get(output.values.shape, [])
        if not any(float(np.abs(values - output.values).max()) <= allowed for values in similar):
            return output.block
    return None


def first_without_weights(expected: Sequence[BlockOutput], data: bytes) -> str | None:
    """Return the first block some of whose weights ``data`` does not hold, bit for bit, in any order of dimensions."""
    for output in expected:
        if not all(_holds(data, weights) for weights in output.weights):
            return output.block
    return None


def _holds(data: bytes, weights: NDArray[np.float32]) -> bool:
    orders = permutations(range(weights.ndim))
    return any(np.ascontiguousarray(weights.transpose(order)).tobytes() in data for order in orders)
