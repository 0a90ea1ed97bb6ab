"""Turn raw timings into one number per path, and notice what disturbed them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ProfileError
from pam_edge.planning.samples import Sample
from pam_edge.supernet.path import PathSpec

LEAST_SAMPLES = 3
"""Timings that a path needs; fewer tell no outlier from a sample."""
OUTLIER_SIGMAS = 6.0
LEAST_OUTLIER = 0.02
"""A timing within 2 % of what is expected is no outlier, however quiet the device."""
DRIFT_NOTICE_PCT = 3.0
OUTLIER_NOTICE_PCT = 5.0

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PathTimes:
    """Timings without outliers.

    Attributes:
        median_ms: per path, over its rounds, at the pace of the median round.
        kept_ms: all timings that were kept, as they were taken.
        notices: what a person should know about them.
    """

    median_ms: dict[PathSpec, float]
    kept_ms: tuple[float, ...]
    notices: tuple[str, ...]


def clean_samples(samples: Iterable[Sample]) -> PathTimes:
    """Drop outliers and take each path's median over the rounds.

    A round's pace is the median, over paths, of timing by path median. Timings are divided by their round's pace
    relative to the median round's, so a slow round makes neither outliers nor noise; costs are those of the median
    round. Drift is noticed all the same.

    Raises:
        ProfileError: if no path has enough timings.
    """
    rows = list(samples)
    paths, path_of = np.unique([sample.path for sample in rows], return_inverse=True)
    rounds, round_of = np.unique([sample.round for sample in rows], return_inverse=True)
    latency = np.array([sample.latency_ms for sample in rows])
    relative = latency / _medians(latency, path_of, len(paths))[path_of]
    pace = _medians(relative, round_of, len(rounds))
    deviation = relative / pace[round_of] - 1
    kept = np.abs(deviation) <= _outlier_limit(deviation)
    counts = np.bincount(path_of[kept], minlength=len(paths))
    used = counts >= LEAST_SAMPLES
    if not used.any():
        raise ProfileError(
            f"Expected at least {LEAST_SAMPLES} timings of each path; the most that any has is {counts.max()}. Measure "
            "more rounds."
        )
    kept &= used[path_of]
    steady = latency / (pace / np.median(pace))[round_of]
    medians = _medians(steady[kept], path_of[kept], len(paths))
    return PathTimes(
        median_ms={PathSpec.parse(str(path)): float(medians[i]) for i, path in enumerate(paths) if used[i]},
        kept_ms=tuple(latency[kept].tolist()),
        notices=tuple(_notices(kept, used, pace, counts, len(rounds))),
    )


def _medians(values: _Floats, group_of: NDArray[np.intp], groups: int) -> _Floats:
    """Return each group's median; NaN for an empty group."""
    found = np.full(groups, np.nan)
    for group in np.unique(group_of):
        found[group] = np.median(values[group_of == group])
    return found


def _outlier_limit(deviation: _Floats) -> float:
    """Return six standard deviations, from the median absolute deviation, which outliers do not move."""
    return max(OUTLIER_SIGMAS * 1.4826 * float(np.median(np.abs(deviation))), LEAST_OUTLIER)


def _notices(
    kept: NDArray[np.bool_], used: NDArray[np.bool_], pace: _Floats, counts: NDArray[np.intp], rounds: int
) -> Iterable[str]:
    dropped_pct = 100 * float((~kept).mean())
    if dropped_pct:
        busy = "; the device was busy with something else" if dropped_pct > OUTLIER_NOTICE_PCT else ""
        yield f"{int((~kept).sum())} of {len(kept)} timings dropped ({dropped_pct:.1f}%){busy}"
    if not used.all():
        yield f"{int((~used).sum())} paths with fewer than {LEAST_SAMPLES} timings left out"
    quarter = max(1, rounds // 4)
    drift_pct = 100 * float(np.median(pace[-quarter:]) / np.median(pace[:quarter]) - 1)
    if abs(drift_pct) > DRIFT_NOTICE_PCT:
        yield f"the device drifted by {drift_pct:+.1f}% from the first to the last quarter of the rounds"
    if rounds > 1 and float(np.median(counts)) < 0.8 * rounds:
        yield "most paths were not measured in every round, so a drift would weigh on some paths more than on others"
