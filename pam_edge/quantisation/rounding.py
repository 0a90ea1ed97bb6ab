"""Rounding of weights to the values that there are, so that no channel's mean is shifted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MOST_MOVED = 16
"""Weights of a channel that take their second nearest value."""


def round_balanced(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[channels, weights] of some values, whose errors sum to next to nothing in each channel.

    What weights meet is positive, so such sums would shift a channel's mean. The weights for which the second nearest
    value costs least take that; those that are a value already keep it.

    Args:
        weights: float64[channels, weights].
        values: float64[values], in order.
    """
    chosen = np.searchsorted((values[1:] + values[:-1]) / 2, weights)
    for _ in range(_MOST_MOVED):
        errors = weights - values[chosen]
        totals = errors.sum(1, keepdims=True)
        other = np.clip(chosen + np.where(totals > 0, 1, -1), 0, len(values) - 1)
        steps = np.abs(values[other] - values[chosen])
        helps = (steps > 0) & (steps < 2 * np.abs(totals))
        if not helps.any():
            break
        costs = np.full(weights.shape, np.inf)
        np.divide((weights - values[other]) ** 2 - errors**2, steps, out=costs, where=helps)
        moved = helps.any(1)
        which = (np.flatnonzero(moved), costs.argmin(1)[moved])
        chosen[which] = other[which]
    rounded: NDArray[np.float64] = values[chosen]
    return rounded
