"""Turn raw timings into one number per path, and notice what disturbed them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ProfileError
from pam_edge.measuring.samples import Sample
from pam_edge.supernet.path import PathSpec

LEAST_SAMPLES = 3
"""Timings that a path needs; fewer tell no outlier from a sample."""
OUTLIER_SIGMAS = 6.0
LEAST_OUTLIER = 0.02
"""A timing within 2 % of what is expected is no outlier, however quiet the device."""
_NEIGHBOURS = np.array([1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0])
"""Weights of the timings around one that tell its pace, which can change from one second to the next."""
_TURNS = 8
DRIFT_NOTICE_PCT = 3.0
OUTLIER_NOTICE_PCT = 5.0

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PathTimes:
    """Timings without outliers.

    Attributes:
        median_ms: of the probe, per path, over its rounds, at the middle pace.
        static_ms: of static graphs, likewise, for the paths timed as such.
        session_ms: of the probe, the medians of each session (process) that timed every path often enough.
        pace_variation: standard deviation of the pace from round to round, relative: 0.02 if rounds take 2 % more or
            less than the middle one.
        kept_ms: all timings that were kept, as they were taken.
        notices: what a person should know about them.
    """

    median_ms: dict[PathSpec, float]
    static_ms: dict[PathSpec, float]
    session_ms: tuple[dict[PathSpec, float], ...]
    pace_variation: float
    kept_ms: tuple[float, ...]
    notices: tuple[str, ...]


def clean_samples(samples: Iterable[Sample]) -> PathTimes:
    """Drop outliers and take each path's median over the rounds.

    A device's pace changes while it is measured: clocks, heat, neighbours. The pace at a timing is what its neighbours
    in time took, relative to their own paths' medians; timings are divided by it. So slow spells make neither
    outliers nor noise, and costs are those at the middle pace. Drift is noticed all the same.

    Args:
        samples: in the order in which they were taken.

    Raises:
        ProfileError: if no path has enough timings.
    """
    rows = list(samples)
    if not rows:
        raise ProfileError("Expected timings; got none. Measure at least three rounds.")
    subjects, subject_of = np.unique([f"{sample.graph} {sample.path}" for sample in rows], return_inverse=True)
    rounds, round_of = np.unique([sample.round for sample in rows], return_inverse=True)
    latency = np.array([sample.latency_ms for sample in rows])
    pace = _paces(np.log(latency), subject_of, len(subjects))
    steady = latency / pace
    deviation = steady / _medians(steady, subject_of, len(subjects))[subject_of] - 1
    kept = np.abs(deviation) <= _outlier_limit(deviation)
    counts = np.bincount(subject_of[kept], minlength=len(subjects))
    used = counts >= LEAST_SAMPLES
    if not used.any():
        raise ProfileError(
            f"Expected at least {LEAST_SAMPLES} timings of each path; the most that any has is {counts.max()}. Measure "
            "more rounds."
        )
    kept &= used[subject_of]
    medians = _medians(steady[kept], subject_of[kept], len(subjects))
    paces = _medians(pace, round_of, len(rounds))
    times: dict[str, dict[PathSpec, float]] = {"probe": {}, "static": {}}
    for subject, median in zip(subjects[used], medians[used], strict=True):
        graph, path = str(subject).split()
        times[graph][PathSpec.parse(path)] = float(median)
    return PathTimes(
        median_ms=times["probe"],
        static_ms=times["static"],
        session_ms=tuple(_sessions(rows, steady, kept, times["probe"])),
        pace_variation=float(np.std(np.log(paces))),
        kept_ms=tuple(latency[kept].tolist()),
        notices=tuple(_notices(kept, used, paces, counts, len(rounds))),
    )


def _sessions(
    rows: list[Sample], steady: _Floats, kept: NDArray[np.bool_], paths: dict[PathSpec, float]
) -> Iterable[dict[PathSpec, float]]:
    """Return each session's medians of the probe's paths; a session that lacks timings of some path is none."""
    taken: dict[int, dict[PathSpec, list[float]]] = {}
    for row, ms, keep in zip(rows, steady.tolist(), kept.tolist(), strict=True):
        if keep and row.graph == "probe":
            taken.setdefault(row.session, {}).setdefault(PathSpec.parse(row.path), []).append(ms)
    for times in taken.values():
        if times.keys() == paths.keys() and all(len(each) >= LEAST_SAMPLES for each in times.values()):
            yield {path: float(np.median(times[path])) for path in paths}


def _paces(log_latency: _Floats, subject_of: NDArray[np.intp], subjects: int) -> _Floats:
    """Return the pace at each timing: 1 at the middle, 1.1 where all takes a tenth longer.

    Paths' medians and paces depend on each other; a few turns settle them. An outlier moves its neighbours' pace by no
    more than the largest deviation that is not one.
    """
    pace = np.zeros_like(log_latency)
    for _ in range(_TURNS):
        level = _medians(log_latency - pace, subject_of, subjects)
        deviation = log_latency - level[subject_of]
        limit = _outlier_limit(deviation - pace)
        pace = _neighbours(np.clip(deviation, pace - limit, pace + limit))
    middle: _Floats = np.exp(pace - np.median(pace))
    return middle


def _neighbours(values: _Floats) -> _Floats:
    """Return the weighted mean of each value's neighbours, without the value itself; 0 for a value that has none."""
    reach = len(_NEIGHBOURS) // 2  # padded by it, as numpy's "same" is as long as the longer of the two

    def around(each: _Floats) -> _Floats:
        return np.convolve(np.pad(each, reach), _NEIGHBOURS, "valid")

    means: _Floats = around(values) / np.maximum(around(np.ones_like(values)), 1e-9)
    return means


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
