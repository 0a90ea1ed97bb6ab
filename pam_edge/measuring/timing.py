"""Time a probe along many paths, in a worker process, until the costs are known well or the time is up.

Every round calls every path once, in an order of its own. A device that slows down then touches all paths alike, and
the fit divides by the round's pace.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pam_edge.errors import ProfileError
from pam_edge.evaluation.pictures import bundled_pictures, fit
from pam_edge.measuring import memory
from pam_edge.measuring.draft import Round, append_round, read_rounds
from pam_edge.measuring.fit import fit_costs
from pam_edge.measuring.path_times import LEAST_SAMPLES, clean_samples
from pam_edge.measuring.probe import PROBE, static_name
from pam_edge.measuring.samples import Sample
from pam_edge.runtimes.base import OF_PROBE, OF_STATIC
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target

LEAST_ROUNDS = 5
MOST_ROUNDS = 20
"""Of one session."""
ENOUGH_PCT = 0.1
"""Standard error of a path's cost, in percent, at which more rounds would not help."""
WARM_UP_CALLS = 3

Call = Callable[[], object]


def time_in_worker(payload: dict[str, Any]) -> dict[str, Any]:
    """Take rounds until there are enough.

    Args:
        payload: ``target``, ``threads``, ``probe`` and ``static`` (files), ``paths`` and ``static_paths`` (as text),
            ``bypass_shares`` (as ``fit_costs`` takes them), ``draft`` (a file that receives the rounds), ``session``
            (number of this process among those that measure), ``limit_s`` (for this session).

    Returns:
        ``ran_on``, and ``peak_memory_bytes``: growth of the resident set while the probe was loaded and ran, warm-up
        included; None where the system does not tell.
    """
    runtime = load_runtime(Target(payload["target"]))
    threads = payload["threads"]
    if memory.CAN_MEASURE:
        memory.reset_peak()
        before = memory.resident_bytes()
    probe = runtime.load(Path(payload["probe"]), PROBE, OF_PROBE, threads=threads)
    picture = fit(bundled_pictures()[0], probe.height, probe.width)
    image, trimap = picture.image, picture.trimap

    calls: dict[tuple[str, str], Call] = {
        ("probe", path): partial(probe, image, trimap, np.array(PathSpec.parse(path).runs, np.float32))
        for path in payload["paths"]
    }
    _warm_up(calls)
    peak = memory.peak_bytes() - before if memory.CAN_MEASURE else None
    for path in payload["static_paths"]:
        model = runtime.load(Path(payload["static"]), static_name(PathSpec.parse(path)), OF_STATIC, threads=threads)
        calls["static", path] = partial(model, image, trimap)
    _warm_up({key: call for key, call in calls.items() if key[0] == "static"})
    shares, draft = tuple(payload["bypass_shares"]), Path(payload["draft"])
    _take_rounds(calls, draft, shares, payload["session"], payload["limit_s"])
    return {"ran_on": probe.ran_on, "peak_memory_bytes": peak}


def _warm_up(calls: dict[tuple[str, str], Call]) -> None:
    """Call the longest and the shortest path, which together touch every block and every connect layer."""
    for key in sorted(calls, key=lambda key: key[1].count("1"))[:: max(1, len(calls) - 1)]:
        for _ in range(WARM_UP_CALLS):
            calls[key]()


def _take_rounds(
    calls: dict[tuple[str, str], Call], draft: Path, bypass_shares: tuple[float, ...], session: int, limit_s: float
) -> None:
    rounds = read_rounds(draft)
    before = len(rounds)
    started = time.monotonic()
    while len(rounds) - before < LEAST_SAMPLES or (
        not _is_enough(rounds[before:]) and time.monotonic() - started < limit_s
    ):
        order = np.random.default_rng(len(rounds)).permutation(len(calls))
        keys = list(calls)
        taken = [(*keys[index], _milliseconds(calls[keys[index]])) for index in order]
        error_pct = _error_pct([*rounds, Round(taken, None, session)], bypass_shares)
        rounds.append(Round(taken, error_pct, session))
        append_round(draft, rounds[-1])


def _milliseconds(call: Call) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1e3


def _is_enough(rounds: list[Round]) -> bool:
    if len(rounds) >= MOST_ROUNDS:
        return True
    error = rounds[-1].error_pct if rounds else None
    return len(rounds) >= LEAST_ROUNDS and error is not None and error <= ENOUGH_PCT


def _error_pct(rounds: list[Round], bypass_shares: tuple[float, ...]) -> float | None:
    try:
        found = fit_costs(clean_samples(as_samples(rounds)), bypass_shares)
    except ProfileError:  # too few timings, as yet
        return None
    middle = found.fixed_ms + (sum(found.run_ms) + sum(found.bypass_ms)) / 2
    return 100 * found.path_error_ms / middle


def as_samples(rounds: list[Round]) -> tuple[Sample, ...]:
    """Return rounds as samples."""
    return tuple(
        Sample.model_validate(
            {"path": path, "round": number, "latency_ms": ms, "graph": graph, "session": each.session}
        )
        for number, each in enumerate(rounds)
        for graph, path, ms in each.timings
    )
