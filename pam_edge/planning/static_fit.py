"""From a path's cost in the probe to its cost as a static graph.

A probe calls conditionals and hands features from one partition to the next, a static graph is one partition. What
that takes grows with the features, as most of a path's cost does: ``static = scale * probe + offset``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ProfileError
from pam_edge.planning.clean import LEAST_SAMPLES
from pam_edge.planning.fit import Fit
from pam_edge.planning.samples import Sample
from pam_edge.supernet.path import PathSpec

LEAST_PATHS = 2


@dataclass(frozen=True, slots=True)
class StaticFit:
    """How static graphs relate to the probe.

    Attributes:
        paths: timed in both.
        scale: of the probe's cost.
        offset_ms: added to it.
        worst_error_pct: largest difference from a static graph's time, in percent of it.
    """

    paths: int
    scale: float
    offset_ms: float
    worst_error_pct: float


def fit_static(probe: Iterable[Sample], static: Iterable[Sample], fit: Fit) -> StaticFit | None:
    """Fit the relation; None without static samples.

    Each static timing is divided by the probe's along the same path in the same round, so that drift cancels.

    Raises:
        ProfileError: if fewer than two paths, or too few rounds, were timed in both.
    """
    rows = list(static)
    if not rows:
        return None
    by_round = {(sample.path, sample.round): sample.latency_ms for sample in probe}
    ratios: dict[str, list[float]] = {}
    for sample in rows:
        if (sample.path, sample.round) in by_round:
            ratios.setdefault(sample.path, []).append(sample.latency_ms / by_round[sample.path, sample.round])
    known = {PathSpec.parse(path): float(np.median(r)) for path, r in ratios.items() if len(r) >= LEAST_SAMPLES}
    if len(known) < LEAST_PATHS:
        raise ProfileError(
            f"Expected static graphs of at least {LEAST_PATHS} paths, timed in {LEAST_SAMPLES} rounds with the probe; "
            f"got {len(known)}. Measure again, or leave static_samples out."
        )
    predicted = np.array([fit.predict(path) for path in known])
    measured = predicted * np.array(list(known.values()))
    scale, offset = _line(predicted, measured)
    errors = np.abs((scale * predicted + offset) / measured - 1)
    return StaticFit(len(known), scale, offset, 100 * float(errors.max()))


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Return slope and intercept of the least squares line."""
    slope, intercept = np.polyfit(x, y, 1)
    return float(slope), float(intercept)
