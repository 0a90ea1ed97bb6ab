"""Whether a profile keeps its word: measured twice, then asked for planned paths, timed as static graphs."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pam_edge.device_profiles.schema import Measurement
from pam_edge.measuring.measure import DEFAULT_LIMIT_S, MeasureRequest, measure
from pam_edge.measuring.probe import PROBE, make_probe, make_static, static_name, subject
from pam_edge.planning.budget import parse_budget
from pam_edge.planning.clean import clean_samples
from pam_edge.planning.cost import mac_cost_table
from pam_edge.planning.planner import plan_path
from pam_edge.planning.profile import measured_costs
from pam_edge.planning.samples import Sample
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import variant
from pam_edge.targets import Precision, Target
from pam_edge.workers import run_in_worker
from tests.bench.forms import Say

PLANNED_PATHS = 10
ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Prediction:
    """A profile's errors.

    Attributes:
        seconds: of the first measurement, conversion included.
        held_out_median_pct, held_out_worst_pct: of the first measurement, over ``held_out_paths`` paths.
        agreement: share of the two measurements' run costs within two of their standard errors of each other.
        static_errors_pct: per planned path, predicted over measured minus one, both at the pace of one run.
        over_budget_pct: the largest share by which a planned path exceeded its budget; negative if none did.
    """

    target: str
    checkpoint: str
    seconds: float
    held_out_paths: int
    held_out_median_pct: float
    held_out_worst_pct: float
    agreement: float
    static_errors_pct: dict[str, float]
    over_budget_pct: float


def measure_prediction(target: str, checkpoint: str, *, size: int, threads: int, say: Say) -> Prediction:
    """Measure twice, plan, convert the plans' static graphs, and time them beside the probe."""
    with tempfile.TemporaryDirectory(prefix="pam-edge-bench-") as folder:
        tables, seconds = [], []
        for turn in range(2):
            say(f"{checkpoint}, {target}: profile, measurement {turn + 1} of 2")
            started = time.monotonic()
            tables.append(_measure(target, checkpoint, size, threads, Path(folder) / f"turn{turn}.toml"))
            seconds.append(time.monotonic() - started)
        say(f"{checkpoint}, {target}: planned paths as static graphs")
        errors, over = _static_errors(tables[0], checkpoint, Path(folder))
    made = tables[0].provenance
    return Prediction(
        target=target,
        checkpoint=checkpoint,
        seconds=seconds[0],
        held_out_paths=made.held_out_paths,
        held_out_median_pct=made.held_out_median_error_pct,
        held_out_worst_pct=made.held_out_worst_error_pct,
        agreement=_agreement(*tables),
        static_errors_pct=errors,
        over_budget_pct=over,
    )


def _measure(target: str, checkpoint: str, size: int, threads: int, file: Path) -> Measurement:
    request = MeasureRequest(
        checkpoint, Target(target), Precision.FP32, size, size, threads, DEFAULT_LIMIT_S, file.stem, file
    )
    return measure(request).table


def _agreement(first: Measurement, second: Measurement) -> float:
    """Compare what timings determine: each block's run minus bypass."""
    rows = zip(first.blocks, second.blocks, strict=True)
    inside = [
        abs((a.run_ms - a.bypass_ms) - (b.run_ms - b.bypass_ms)) <= 2 * np.hypot(a.run_error_ms, b.run_error_ms)
        for a, b in rows
    ]
    return float(np.mean(inside))


def _static_errors(table: Measurement, checkpoint: str, folder: Path) -> tuple[dict[str, float], float]:
    """Return each planned path's error, and the largest excess over a budget.

    The machine's pace has changed since the profile was measured: the probe, timed in the same rounds along the paths
    between which all others lie, tells by how much, and predictions and budgets are taken at that pace.
    """
    config = variant(table.variant)
    costs = measured_costs(table)
    macs = mac_cost_table(config, table.height, table.width)
    lowest = costs.cheapest + costs.margin
    budgets = np.linspace(lowest, costs.full + costs.margin, PLANNED_PATHS) * 1.0005
    plans = [plan_path(parse_budget(f"{budget:.4f}ms"), costs, macs) for budget in budgets]
    paths = tuple(dict.fromkeys(plan.path for plan in plans))
    measured = subject(checkpoint, table.target, table.precision, table.height, table.width)
    ends = (PathSpec.full(config.block_count), PathSpec.shortest(config.block_count))
    payload = {
        "target": table.target.value,
        "threads": table.threads,
        "probe": str(make_probe(measured, folder / "probe")),
        "static": str(make_static(measured, paths, folder / "static")),
        "probe_paths": [str(path) for path in ends],
        "static_paths": [str(path) for path in paths],
        "rounds": ROUNDS,
    }
    rows = run_in_worker("tests.bench.prediction:time_in_turns", payload, threads=table.threads)["samples"]
    times = clean_samples([Sample.model_validate(row) for row in rows])
    probe = measured_costs(table, dynamic=True)
    pace = float(np.mean([times.median_ms[path] / probe.cost(path) for path in ends]))
    errors = {str(path): 100 * (costs.cost(path) * pace / times.static_ms[path] - 1) for path in paths}
    over = max(100 * (times.static_ms[p.path] / (b * pace) - 1) for p, b in zip(plans, budgets, strict=True))
    return errors, over


def time_in_turns(payload: dict[str, Any]) -> dict[str, Any]:
    """Time the probe along ``probe_paths`` and every static graph, all in turns; runs in a worker."""
    from pam_edge.evaluation.pictures import bundled_pictures, fit
    from pam_edge.runtimes.registry import load_runtime

    runtime = load_runtime(Target(payload["target"]))
    probe = runtime.load_probe(Path(payload["probe"]), PROBE, threads=payload["threads"])
    picture = fit(bundled_pictures()[0], probe.height, probe.width)
    calls: dict[tuple[str, str], Any] = {}
    for text in payload["probe_paths"]:
        runs = PathSpec.parse(text).runs
        calls["probe", text] = lambda runs=runs: probe(picture.image, picture.trimap, runs)
    for text in payload["static_paths"]:
        name = static_name(PathSpec.parse(text))
        model = runtime.load(Path(payload["static"]), name, threads=payload["threads"])
        calls["static", text] = lambda model=model: model(picture.image, picture.trimap)
    for call in calls.values():
        call()
    keys, samples = list(calls), []
    for number in range(payload["rounds"]):
        for index in np.random.default_rng(number).permutation(len(keys)):
            graph, path = keys[index]
            started = time.perf_counter()
            calls[keys[index]]()
            taken = (time.perf_counter() - started) * 1e3
            samples.append({"graph": graph, "path": path, "round": number, "latency_ms": taken})
    return {"samples": samples}
