"""Fit additive costs to timings of paths.

What timings determine is the cost of the middle of all paths and each block's difference between run and bypass:
``cost = middle + sum_l (run_l - bypass_l) * (p_l - 1/2)``. How the rest divides into fixed part and bypasses no path
shows; the caller gives each bypass's share of the shortest path. No cost is negative: a run that would be is held at
zero, and the others are fitted again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ProfileError
from pam_edge.measuring.path_times import PathTimes
from pam_edge.supernet.additive_cost import AdditiveCost
from pam_edge.supernet.path import PathSpec

SPARE_PATHS = 4
"""Paths needed beyond the number of unknowns, so that residuals mean something."""
HELD_OUT_SHARE = 0.4
LEAST_HELD_OUT = 3

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """Additive costs in milliseconds, with standard errors.

    Attributes:
        fixed_ms, run_ms, bypass_ms: the costs.
        fixed_error_ms, run_errors_ms, bypass_errors_ms: standard error of each alone.
        path_error_ms: standard error of a path's cost, root mean square over all paths.
        scatter_ms: standard deviation of the fitted paths around the model, and of a path from session to session and
            with the device's pace.
        held_out_error_pct: per path kept out of the fit, 100 * (predicted - measured) / measured.
    """

    fixed_ms: float
    run_ms: tuple[float, ...]
    bypass_ms: tuple[float, ...]
    fixed_error_ms: float
    run_errors_ms: tuple[float, ...]
    bypass_errors_ms: tuple[float, ...]
    path_error_ms: float
    scatter_ms: float
    held_out_error_pct: dict[PathSpec, float]

    @property
    def held_out_median_error_pct(self) -> float:
        """Median of the errors' sizes."""
        return float(np.median(np.abs(list(self.held_out_error_pct.values()))))

    @property
    def held_out_worst_error_pct(self) -> float:
        """Largest of the errors' sizes."""
        return float(np.max(np.abs(list(self.held_out_error_pct.values()))))

    def predict(self, path: PathSpec) -> float:
        """Return a path's cost in milliseconds."""
        return AdditiveCost(self.fixed_ms, self.run_ms, self.bypass_ms).cost(path)


def fit_costs(times: PathTimes, bypass_shares: tuple[float, ...], seed: int = 0) -> Fit:
    """Fit costs to the medians of some paths, and judge them by the others.

    Args:
        times: of each path.
        bypass_shares: of each bypass in the cost of the shortest path; together less than one.
        seed: of the choice of held-out paths.

    Raises:
        ProfileError: if the probe was not timed, there are too few paths, or they cannot tell some block's cost.
    """
    if not times.median_ms:
        raise ProfileError(
            "Expected timings of the probe, from which costs per block follow; got those of static graphs alone. Time "
            'the probe too, along the paths of the kit; where there is no probe, as with Core ML, leave "graph" out.'
        )
    paths = tuple(times.median_ms)
    design = _design(paths)
    _check_identifiable(paths, design)
    medians = np.array([times.median_ms[path] for path in paths])
    kept = _split(design, seed)
    middle, differences, covariance, scatter = _solve(design[kept], medians[kept], np.array(bypass_shares))
    # Each unknown moves from session to session on its own, and all of them move with the device's pace. Sessions
    # follow each other at once, and a slow quarter of an hour slows them all: of the pace they are one sample.
    unknowns = np.concatenate([[middle], differences])
    apart = np.diag(_between_sessions(design, times, paths))
    together = times.pace_variation**2 * np.outer(unknowns, unknowns)
    covariance += apart / max(len(times.session_ms), 1) + together
    scatter = float(np.hypot(scatter, _path_deviation(apart + together)))
    fit = _tabulate(middle, differences, covariance, scatter, np.array(bypass_shares))
    held_out = [path for path, keep in zip(paths, kept, strict=True) if not keep]
    for path in held_out:
        fit.held_out_error_pct[path] = 100 * (fit.predict(path) / times.median_ms[path] - 1)
    return fit


def _design(paths: tuple[PathSpec, ...]) -> _Floats:
    """Return float64[P, L + 1]: a column of ones, and plus or minus a half per block."""
    halves = np.array([path.runs for path in paths], np.float64) - 0.5
    return np.concatenate([np.ones((len(paths), 1)), halves], 1)


def _check_identifiable(paths: tuple[PathSpec, ...], design: _Floats) -> None:
    unknowns = design.shape[1]
    vague = _unidentified(design)
    if vague:
        raise ProfileError(
            f"These {len(paths)} paths cannot tell the cost of blocks {', '.join(map(str, vague))} (from 0): they run "
            "always or never, or only together with others. Measure the paths of the kit's schedule."
        )
    needed = unknowns + SPARE_PATHS + LEAST_HELD_OUT
    if len(paths) < min(needed, 2 ** (unknowns - 1)):
        raise ProfileError(
            f"Expected timings of at least {needed} different paths for {unknowns - 1} blocks; got {len(paths)}. "
            "Measure more paths."
        )


def _unidentified(design: _Floats) -> list[int]:
    rank = np.linalg.matrix_rank(design)
    columns = range(1, design.shape[1])
    return [c - 1 for c in columns if np.linalg.matrix_rank(np.delete(design, c, 1)) == rank]


def _split(design: _Floats, seed: int) -> NDArray[np.bool_]:
    """Choose the paths to fit: the extremes stay in, two fifths go out at random, and every block stays identified."""
    generator = np.random.default_rng(seed)
    extreme = np.abs(design[:, 1:].sum(1)) == (design.shape[1] - 1) / 2
    free = np.flatnonzero(~extreme)
    count = max(LEAST_HELD_OUT, round(HELD_OUT_SHARE * len(design)))
    for _ in range(100):
        kept = np.ones(len(design), np.bool_)
        kept[generator.permutation(free)[:count]] = False
        if kept.sum() > design.shape[1] and not _unidentified(design[kept]):
            return kept
    raise ProfileError(
        f"No {count} of these {len(design)} paths can be held out without losing sight of a block. Measure more paths."
    )


def _solve(design: _Floats, medians: _Floats, shares: _Floats) -> tuple[float, _Floats, _Floats, float]:
    """Return middle, differences, their covariance, and the residuals' standard deviation."""
    held = np.zeros(design.shape[1], np.bool_)
    values = np.zeros(design.shape[1])
    for _ in range(design.shape[1]):
        target = medians - design[:, held] @ values[held]
        values[~held] = np.linalg.lstsq(design[:, ~held], target, rcond=None)[0]
        floors = -shares * (values[0] - values[1:].sum() / 2)
        negative = (values[1:] < floors - 1e-12) & ~held[1:]
        if not negative.any():
            break
        held[1:] |= negative
        values[1:][negative] = floors[negative]
    residuals = medians - design @ values
    freedom = len(medians) - int((~held).sum())
    variance = float(residuals @ residuals) / max(freedom, 1)
    covariance = variance * np.asarray(np.linalg.inv(design.T @ design), np.float64)
    return float(values[0]), values[1:], covariance, float(np.sqrt(variance))


def _between_sessions(design: _Floats, times: PathTimes, paths: tuple[PathSpec, ...]) -> _Floats:
    """Return the variance of each unknown from session to session; of the blocks' differences the mean over blocks.

    Two or three sessions say little about one block, but all blocks together say how much to expect.
    """
    variances = np.zeros(design.shape[1])
    if len(times.session_ms) < 2:
        return variances
    solutions = [np.linalg.lstsq(design, [each[path] for path in paths], rcond=None)[0] for each in times.session_ms]
    found = np.var(solutions, axis=0, ddof=1)
    variances[0], variances[1:] = found[0], found[1:].mean()
    return variances


def _path_deviation(covariance: _Floats) -> float:
    """Return the standard deviation of a path's cost, root mean square over all paths: blocks count half either way."""
    return float(np.sqrt(covariance[0, 0] + np.trace(covariance[1:, 1:]) / 4))


def _tabulate(middle: float, differences: _Floats, covariance: _Floats, scatter: float, shares: _Floats) -> Fit:
    shortest = middle - float(differences.sum()) / 2
    if shortest <= 0:
        raise ProfileError("The timings give the shortest path no time at all: they are no timings of this network.")
    bypass = shares * shortest
    # Each entry is linear in (middle, differences): its row times the covariance times its row is its variance.
    to_shortest = np.concatenate([[1.0], np.full(len(differences), -0.5)])
    to_bypass = shares[:, None] * to_shortest
    to_run = to_bypass + np.eye(len(differences) + 1)[1:]
    deviations = [np.sqrt(np.einsum("ij,jk,ik->i", rows, covariance, rows)) for rows in (to_run, to_bypass)]
    fixed_share = 1.0 - float(shares.sum())
    return Fit(
        fixed_ms=fixed_share * shortest,
        run_ms=tuple(np.maximum(bypass + differences, 0.0).tolist()),
        bypass_ms=tuple(bypass.tolist()),
        fixed_error_ms=fixed_share * float(np.sqrt(to_shortest @ covariance @ to_shortest)),
        run_errors_ms=tuple(deviations[0].tolist()),
        bypass_errors_ms=tuple(deviations[1].tolist()),
        path_error_ms=_path_deviation(covariance),
        scatter_ms=scatter,
        held_out_error_pct={},
    )
