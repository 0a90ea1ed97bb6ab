"""Take turns: A B C A B C ..., so that whatever else the machine does meets every contender alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from tests.bench.worker import Worker

WARM_UP_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Samples:
    """Times of one contender, warm-up dropped, one value per round in round order.

    Attributes:
        wall_ms: as a user waits.
        cpu_ms: processor time of all threads; with one thread on a quiet machine the same as ``wall_ms``, on a busy
            one free of the time in which others had the core.
    """

    wall_ms: tuple[float, ...]
    cpu_ms: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        """Median wall time."""
        return float(np.median(self.wall_ms))

    @property
    def p90_ms(self) -> float:
        """90th percentile of wall time, interpolated linearly."""
        return float(np.percentile(self.wall_ms, 90))

    @property
    def cpu_median_ms(self) -> float:
        """Median processor time."""
        return float(np.median(self.cpu_ms))


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times longer one contender takes than another, over rounds: each round gives one ratio.

    Attributes:
        median: of the rounds' ratios of wall time.
        low: their first quartile.
        high: their third quartile.
        cpu_median: median of the rounds' ratios of processor time.
    """

    median: float
    low: float
    high: float
    cpu_median: float


def take_turns(workers: Mapping[str, Worker], rounds: int, tick: Callable[[], None]) -> dict[str, Samples]:
    """Call every worker's ``run`` once per round, one at a time, and drop the first ``WARM_UP_ROUNDS`` rounds."""
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
    for _ in range(WARM_UP_ROUNDS + rounds):
        for name, worker in workers.items():
            taken[name].append(worker.call("run"))
        tick()
    return {name: _samples(runs[WARM_UP_ROUNDS:]) for name, runs in taken.items()}


def compare(slower: Samples, faster: Samples) -> Ratio:
    """Return ``slower`` over ``faster``, round by round."""
    wall = np.divide(slower.wall_ms, faster.wall_ms)
    low, median, high = np.percentile(wall, (25, 50, 75))
    cpu = np.median(np.divide(slower.cpu_ms, faster.cpu_ms))
    return Ratio(float(median), float(low), float(high), float(cpu))


def join(parts: Iterable[Samples]) -> Samples:
    """Return the samples of several processes one after the other."""
    found = list(parts)
    wall, cpu = ([ms for part in found for ms in getattr(part, name)] for name in ("wall_ms", "cpu_ms"))
    return Samples(tuple(wall), tuple(cpu))


def _samples(runs: list[dict[str, float]]) -> Samples:
    return Samples(tuple(run["wall_ms"] for run in runs), tuple(run["cpu_ms"] for run in runs))
