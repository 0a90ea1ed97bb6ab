"""Palettes: weights of a few values for each group of output channels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pam_edge.quantisation.rounding import round_balanced

PALETTE_VALUES = 64
"""Of a palette: six bits a weight."""

_GROUP = 16
"""Output channels that share a palette."""

_ROUNDS = 50
"""Of moving a palette's values; more of them change no error by a percent."""


def palettise(weight: Tensor) -> Tensor:
    """Return float32[O, I, h, w] of sixty-four values at most for each group of output channels."""
    channels = weight.double().numpy().reshape(len(weight), -1)
    groups = np.split(channels, len(weight) // group_size(len(weight)))
    stored = np.concatenate([round_balanced(group, _palette(group)) for group in groups])
    return torch.from_numpy(stored.reshape(weight.shape)).float()


def group_size(channels: int) -> int:
    """Return how many output channels share a palette; all, where they are no multiple of a group's."""
    return _GROUP if channels % _GROUP == 0 else channels


def are_palettised(weights: NDArray[np.floating]) -> bool:
    """Return whether each group of channels, the first axis, has the few values of a palette."""
    groups = np.split(weights, len(weights) // group_size(len(weights)))
    return all(len(np.unique(group)) <= PALETTE_VALUES for group in groups)


def _palette(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return in order values to which weights are near: k-means of numbers, the same at every call.

    The part with the largest squared error is split at its mean until there are enough; then Lloyd's algorithm.
    """
    ordered = np.sort(weights, axis=None)
    if len(few := np.unique(ordered)) <= PALETTE_VALUES:
        return few
    sums, squares = (np.concatenate([[0.0], np.cumsum(each)]) for each in (ordered, ordered**2))

    def mean(start: int, end: int) -> float:
        return float((sums[end] - sums[start]) / (end - start))

    def error(start: int, end: int) -> float:
        return float(squares[end] - squares[start]) - (end - start) * mean(start, end) ** 2

    parts = [(0, len(ordered))]
    while len(parts) < PALETTE_VALUES:
        start, end = parts.pop(max(range(len(parts)), key=lambda i: error(*parts[i])))
        middle = start + int(np.searchsorted(ordered[start:end], mean(start, end)))
        parts += [(start, middle), (middle, end)]
    values = np.array(sorted(mean(*part) for part in parts))
    for _ in range(_ROUNDS):
        bounds = [0, *np.searchsorted(ordered, (values[1:] + values[:-1]) / 2), len(ordered)]
        counts = np.diff(bounds)
        values = (np.diff(sums[bounds]) / np.maximum(counts, 1))[counts > 0]
    return values
