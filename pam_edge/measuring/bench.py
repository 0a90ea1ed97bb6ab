"""What an artifact's entry points take on this machine, beside what was predicted for it.

Latency: all entry points in one process, in turns, so that a drifting machine touches all alike. Peak memory: each in
a process of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.manifest import EntryPointRecord, Manifest
from pam_edge.device_profiles.loader import read_profile
from pam_edge.errors import CheckpointError, ProfileError, UsageError
from pam_edge.measuring import memory
from pam_edge.measuring.host import NAME, host_file, is_this_machine
from pam_edge.planning.conditions import Conditions
from pam_edge.planning.cost import CostTable
from pam_edge.planning.device_costs import measure_command
from pam_edge.planning.service import costs_for
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import CostUnit
from pam_edge.workers import check_threads, run_in_worker

WARM_UP_CALLS = 3
LEAST_ROUNDS = 5
_LONGEST_S = 3600


@dataclass(frozen=True, slots=True)
class EntryPointTimes:
    """One entry point, or one budget of a dynamic graph.

    Attributes:
        name: of the entry point.
        paths: that it took; a dynamic graph's can differ from picture to picture.
        median_ms, p90_ms: of the calls, conversion of the picture included.
        peak_memory_bytes: growth of the resident set from before loading to after the last run; None where the system
            does not tell.
        predicted_ms: mean over the calls' paths, from this machine's profile; None without one.
        margin_ms: from the prediction to its bounds, which hold together with 90 %.
    """

    name: str
    paths: tuple[str, ...]
    median_ms: float
    p90_ms: float
    peak_memory_bytes: int | None
    predicted_ms: float | None
    margin_ms: float | None


@dataclass(frozen=True, slots=True)
class Bench:
    """A bench of an artifact.

    Attributes:
        ran_on: what executed it.
        rounds: calls of each entry point.
        prediction: where the prediction comes from, or why there is none.
    """

    ran_on: str
    rounds: int
    prediction: str
    entry_points: tuple[EntryPointTimes, ...]


def bench(directory: Path, *, threads: int, seconds: float) -> Bench:
    """Run every entry point of an artifact here.

    Args:
        directory: artifact folder.
        threads: of the runtime.
        seconds: for taking times; at least ``LEAST_ROUNDS`` rounds are taken.

    Raises:
        ArtifactError: if the folder is missing or damaged, or a file was changed since it was made.
        UsageError: if its target's times mean nothing here, or threads or seconds cannot be used.
    """
    artifact = Artifact.read(directory)
    manifest = artifact.manifest
    if manifest.target.facts.why_not_timed_here:
        raise UsageError(f"bench: {manifest.target.facts.why_not_timed_here}.")
    check_threads(threads)
    if not 0 < seconds <= _LONGEST_S:
        raise UsageError(f"bench: expected more than 0 and at most {_LONGEST_S} seconds; got {seconds:g} s.")
    for entry in manifest.entry_points:
        artifact.check_unchanged(entry)
    payload = {"directory": str(directory), "threads": threads, "seconds": seconds}
    times = run_in_worker("pam_edge.measuring.bench:time_in_worker", payload, threads=threads)
    predicted = {size: _predictions(manifest, size, threads) for size in manifest.sizes}
    return Bench(
        ran_on=times["ran_on"],
        rounds=times["rounds"],
        prediction="; ".join(dict.fromkeys(prediction for _, prediction in predicted.values())),
        entry_points=tuple(
            _entry(entry, times["calls"][entry.name], _peak(payload, entry, threads), predicted[entry.size][0])
            for entry in manifest.entry_points
        ),
    )


def _peak(payload: dict[str, Any], entry: EntryPointRecord, threads: int) -> int | None:
    asked = payload | {"entry_point": entry.name}
    peak: int | None = run_in_worker("pam_edge.measuring.bench:peak_in_worker", asked, threads=threads)["peak_bytes"]
    return peak


def _predictions(manifest: Manifest, size: tuple[int, int], threads: int) -> tuple[CostTable | None, str]:
    """Return this machine's costs of the manifest's network, and a sentence on where they come from."""
    from pam_edge.supernet.checkpoint import load_checkpoint

    made_from = manifest.checkpoint
    try:
        config = load_checkpoint(made_from.reference).config
    except CheckpointError as error:
        return None, f"no prediction: {error}"
    if config.architecture_hash() != made_from.architecture_hash:
        return None, f"no prediction: {made_from.reference} has another architecture than what was converted"
    conditions = Conditions(config, *size, manifest.target, manifest.precision, manifest.mode, threads)
    with suppress(ProfileError):
        profile = read_profile(host_file())
        if is_this_machine(profile):
            costs = costs_for(conditions, profile)
            return costs, f"predicted by the profile {NAME}, {costs.provenance} here"
    planned = manifest.entry_points[0]
    theirs = ""
    if manifest.profile and planned.cost_unit == CostUnit.MS:
        theirs = (
            f"; the plan's milliseconds are {planned.cost_provenance} for {manifest.profile.name}, not for this one"
        )
    why = f"this machine was not measured with {threads} threads{theirs}"
    return None, f"no prediction: {why}. Measure it: {measure_command(conditions)}"


def _entry(
    entry: EntryPointRecord, calls: Sequence[tuple[str, float]], peak: int | None, costs: CostTable | None
) -> EntryPointTimes:
    milliseconds = [ms for _, ms in calls]
    predicted = float(np.mean([costs.cost(PathSpec.parse(path)) for path, _ in calls])) if costs else None
    return EntryPointTimes(
        name=entry.name,
        paths=tuple(dict.fromkeys(path for path, _ in calls)),
        median_ms=float(np.median(milliseconds)),
        p90_ms=float(np.percentile(milliseconds, 90)),
        peak_memory_bytes=peak,
        predicted_ms=predicted,
        margin_ms=costs.margin if costs else None,
    )


def time_in_worker(payload: dict[str, Any]) -> dict[str, Any]:
    """Call all entry points of ``payload["directory"]`` in turns, on the bundled photographs in turn.

    Returns:
        ``ran_on``, ``rounds``, and ``calls``: path and milliseconds of every call, by entry point.
    """
    artifact = Artifact.read(Path(payload["directory"]))
    entries = artifact.manifest.entry_points
    models = {entry.name: artifact.open(entry, threads=payload["threads"]) for entry in entries}
    pictures = {entry.name: _pictures(entry) for entry in entries}
    for name, model in models.items():
        for _ in range(WARM_UP_CALLS):
            model(*pictures[name][0])
    calls: dict[str, list[tuple[str, float]]] = {name: [] for name in models}
    started, rounds = time.monotonic(), 0
    while rounds < LEAST_ROUNDS or time.monotonic() - started < payload["seconds"]:
        for name, model in models.items():
            before = time.perf_counter()
            path = model(*pictures[name][rounds % len(pictures[name])]).path
            calls[name].append((path, (time.perf_counter() - before) * 1e3))
        rounds += 1
    return {"ran_on": next(iter(models.values())).ran_on, "rounds": rounds, "calls": calls}


def peak_in_worker(payload: dict[str, Any]) -> dict[str, Any]:
    """Return how far the resident set grew while one entry point was loaded and ran."""
    if not memory.CAN_MEASURE:
        return {"peak_bytes": None}
    from pam_edge.runtimes.registry import load_runtime

    artifact = Artifact.read(Path(payload["directory"]))
    load_runtime(artifact.manifest.target)
    entry = next(each for each in artifact.manifest.entry_points if each.name == payload["entry_point"])
    pictures = _pictures(entry)
    memory.reset_peak()
    before = memory.resident_bytes()
    model = artifact.open(entry, threads=payload["threads"])
    for _ in range(WARM_UP_CALLS):
        model(*pictures[0])
    return {"peak_bytes": memory.peak_bytes() - before}


def _pictures(entry: EntryPointRecord) -> list[tuple[Any, Any]]:
    from pam_edge.delivery.artifact.ends import ends_of
    from pam_edge.evaluation.masks import as_graph_sees
    from pam_edge.evaluation.pictures import bundled_pictures, fit

    ends = ends_of(entry.ends)
    fitted = [as_graph_sees(fit(each, *entry.size), ends) for each in bundled_pictures()]
    return [(picture.image, picture.given) for picture in fitted]
