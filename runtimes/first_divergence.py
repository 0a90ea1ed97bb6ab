"""Find a block's output among a file's intermediate values, or its weights among a file's bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from pam_edge.runtimes.base import BlockOutput, Divergence


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
    """Return the first block some of whose weights ``data`` does not hold, bit for bit.

    They may be stored in any order of dimensions, in float32 or rounded to float16; or once, if all are one number.
    """
    for output in expected:
        if not all(_holds(data, weights) for weights in output.weights):
            return output.block
    return None


def _holds(data: bytes, weights: NDArray[np.float32]) -> bool:
    if (weights == weights.flat[0]).all():
        weights = weights.flat[:1]
    ordered = [np.ascontiguousarray(weights.transpose(order)) for order in permutations(range(weights.ndim))]
    return any(form.tobytes() in data for values in ordered for form in (values, values.astype(np.float16)))


def by_weights(expected: Sequence[BlockOutput], data: bytes) -> Divergence | None:
    """Return the first block whose weights ``data`` does not hold, as a divergence."""
    block = first_without_weights(expected, data)
    if block is None:
        return None
    return Divergence(block, None, "the file does not hold this block's weights, bit for bit")
