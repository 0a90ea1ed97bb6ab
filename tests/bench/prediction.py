"""Whether a profile keeps its word: measured twice, then asked for planned paths, timed as static graphs."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from pam_edge.converters.base import ConversionJob, EntryPoint, Selection
from pam_edge.converters.registry import load_converter
from pam_edge.device_profiles.schema import Measurement
from pam_edge.evaluation.budget_table import calibrated_budget_table
from pam_edge.evaluation.pictures import bundled_pictures, data_pictures, fit
from pam_edge.graphs.ends import Interface
from pam_edge.graphs.governor import GovernorCosts
from pam_edge.measuring import DEFAULT_LIMIT_S
from pam_edge.measuring.measure import MeasureRequest, measure
from pam_edge.measuring.path_times import clean_samples
from pam_edge.measuring.probe import PROBE, Subject, make_probe, make_static, static_name, subject
from pam_edge.measuring.samples import Sample
from pam_edge.planning.budget import parse_budget
from pam_edge.planning.cost import mac_cost_table
from pam_edge.planning.device_costs import measured_costs
from pam_edge.planning.planner import plan_path
from pam_edge.runtimes.base import OF_DYNAMIC, OF_PROBE, OF_STATIC
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import variant
from pam_edge.targets import Target
from pam_edge.terms import Mode, Precision, TensorIO
from tests.bench.forms import Say
from tests.bench.worker import Worker

PLANNED_PATHS = 10
ROUNDS = 11
BUDGET_SHARES = (0.65, 0.8, 0.9, 1.0)
"""Budgets at which the dynamic graph is asked for pictures, as shares of the full path's cost."""
_DYNAMIC = "dynamic"


@dataclass(frozen=True, slots=True)
class Prediction:
    """A profile's errors.

    Attributes:
        seconds: of the first measurement, conversion included.
        held_out_median_pct, held_out_worst_pct: of the first measurement, over ``held_out_paths`` paths.
        agreement: share of the two measurements' run costs within two of their standard errors of each other.
        pace: of the machine when the graphs were timed, over that of the first measurement.
        static_errors_pct: per planned path, predicted over measured minus one, both at the pace of one run.
        over_budget_pct: the largest share by which a planned path exceeded its budget; negative if none did.
        chosen_inside: share of pictures and budgets at which a dynamic graph took a time within the interval that the
            profile predicts for the path it chose, at the pace of one run.
        chosen_inside_anyway: the same at whatever pace the machine had.
        chosen_errors_pct: of the same, measured over predicted minus one, both at the pace of one run.
        budgets_ms: per budget, as a share of the full path's cost, the mean of the pictures' median latencies.
    """

    target: str
    checkpoint: str
    seconds: float
    held_out_paths: int
    held_out_median_pct: float
    held_out_worst_pct: float
    agreement: float
    pace: float
    static_errors_pct: dict[str, float]
    over_budget_pct: float
    chosen_inside: float
    chosen_inside_anyway: float
    chosen_errors_pct: list[float]
    budgets_ms: dict[float, float]


def measure_prediction(target: str, checkpoint: str, *, size: int, threads: int, say: Say) -> Prediction:
    """Measure twice, plan, convert the plans' static graphs, and time them beside the probe."""
    with tempfile.TemporaryDirectory(prefix="pam-edge-bench-") as folder:
        tables, seconds = [], []
        for turn in range(2):
            say(f"{checkpoint}, {target}: profile, measurement {turn + 1} of 2")
            started = time.monotonic()
            tables.append(_measure(target, checkpoint, size, threads, Path(folder) / f"turn{turn}.toml"))
            seconds.append(time.monotonic() - started)
        say(f"{checkpoint}, {target}: planned paths as static graphs, and a dynamic graph, in turns")
        turns = _take_turns(tables[0], checkpoint, Path(folder))
    made = tables[0].provenance
    return Prediction(
        target=target,
        checkpoint=checkpoint,
        seconds=seconds[0],
        held_out_paths=made.held_out_paths,
        held_out_median_pct=made.held_out_median_error_pct,
        held_out_worst_pct=made.held_out_worst_error_pct,
        agreement=_agreement(*tables),
        **asdict(turns),
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


@dataclass(frozen=True, slots=True)
class _Turns:
    pace: float
    static_errors_pct: dict[str, float]
    over_budget_pct: float
    chosen_inside: float
    chosen_inside_anyway: float
    chosen_errors_pct: list[float]
    budgets_ms: dict[float, float]


def _take_turns(table: Measurement, checkpoint: str, folder: Path) -> _Turns:
    """Compare planned paths as static graphs, and a dynamic graph's choices, with what the profile predicts.

    The machine's pace has changed since the profile was measured: the probe, timed in the same rounds along the paths
    between which all others lie, tells by how much, and predictions and budgets are taken at that pace.
    """
    config = variant(table.variant)
    costs, dynamic = measured_costs(table), measured_costs(table, dynamic=True)
    macs = mac_cost_table(config, table.height, table.width)
    lowest = costs.cheapest + costs.margin
    budgets = np.linspace(lowest, costs.full + costs.margin, PLANNED_PATHS) * 1.0005
    plans = [plan_path(parse_budget(f"{budget:.4f}ms"), costs, macs) for budget in budgets]
    paths = tuple(dict.fromkeys(plan.path for plan in plans))
    measured = subject(checkpoint, table.target, table.precision, table.height, table.width)
    ends = (PathSpec.full(config.block_count), PathSpec.shortest(config.block_count))
    governed = asdict(GovernorCosts.of(dynamic))
    with Worker("prediction:Turns", threads=1) as maker:
        made = maker.call("make_dynamic", payload=_dynamic_payload(measured, governed, folder / "dynamic"))
    payload = {
        "target": table.target,
        "threads": table.threads,
        "probe": str(make_probe(measured, folder / "probe")),
        "static": str(make_static(measured, paths, folder / "static")),
        "dynamic": made["file"],
        "probe_paths": [str(path) for path in ends],
        "static_paths": [str(path) for path in paths],
        "budgets": [share * dynamic.full for share in BUDGET_SHARES],
        "rounds": ROUNDS,
    }
    with Worker("prediction:Turns", threads=table.threads) as timer:
        rows = timer.call("take", payload=payload)
    times = clean_samples([Sample.model_validate(row) for row in rows["samples"]])
    pace = float(np.mean([times.median_ms[path] / dynamic.cost(path) for path in ends]))
    errors = {str(path): 100 * (costs.cost(path) * pace / times.static_ms[path] - 1) for path in paths}
    over = max(100 * (times.static_ms[p.path] / (b * pace) - 1) for p, b in zip(plans, budgets, strict=True))
    taken = [(float(np.median(row["latency_ms"])), row["cost"]) for row in rows["chosen"]]

    def inside(pace: float) -> float:
        return float(np.mean([abs(ms / pace - cost) <= dynamic.margin for ms, cost in taken]))

    return _Turns(
        pace=pace,
        static_errors_pct=errors,
        over_budget_pct=over,
        chosen_inside=inside(pace),
        chosen_inside_anyway=inside(1.0),
        chosen_errors_pct=[100 * (ms / pace / cost - 1) for ms, cost in taken],
        budgets_ms={
            share: float(
                np.mean([np.median(row["latency_ms"]) for row in rows["chosen"][number :: len(BUDGET_SHARES)]])
            )
            for number, share in enumerate(BUDGET_SHARES)
        },
    )


def _dynamic_payload(measured: Subject, costs: dict[str, Any], folder: Path) -> dict[str, Any]:
    return {
        "checkpoint": measured.checkpoint,
        "target": measured.target,
        "precision": measured.precision,
        "height": measured.height,
        "width": measured.width,
        "costs": costs,
        "folder": str(folder),
    }


class Turns:
    """What runs in a process of its own."""

    def make_dynamic(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Write a dynamic graph with a profile's costs inside."""
        checkpoint = load_checkpoint(payload["checkpoint"])
        costs = GovernorCosts(**payload["costs"])
        folder = Path(payload["folder"])
        folder.mkdir()
        job = ConversionJob(
            supernet=checkpoint.supernet.eval(),
            entry_points=(EntryPoint(_DYNAMIC, None, Interface(payload["height"], payload["width"])),),
            mode=Mode.DYNAMIC,
            precision=Precision(payload["precision"]),
            io=TensorIO.TENSOR,
            directory=folder,
            selection=Selection(costs, calibrated_budget_table(checkpoint, costs)),
        )
        return {"file": str(folder / load_converter(Target(payload["target"])).convert(job)[_DYNAMIC])}

    def take(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Time the probe, every static graph, and the dynamic graph on every picture, all in turns."""
        runtime, threads = load_runtime(Target(payload["target"])), payload["threads"]
        probe = runtime.load(Path(payload["probe"]), PROBE, OF_PROBE, threads=threads)
        chooser = runtime.load(Path(payload["dynamic"]), _DYNAMIC, OF_DYNAMIC, threads=threads)
        pictures = [fit(picture, probe.height, probe.width) for picture in (*bundled_pictures(), *data_pictures())]
        first = pictures[0]
        calls: dict[tuple[str, str], Any] = {}
        for text in payload["probe_paths"]:
            calls["probe", text] = partial(
                probe, first.image, first.trimap, np.array(PathSpec.parse(text).runs, np.float32)
            )
        for text in payload["static_paths"]:
            model = runtime.load(Path(payload["static"]), static_name(PathSpec.parse(text)), OF_STATIC, threads=threads)
            calls["static", text] = partial(model, first.image, first.trimap)
        for number, (picture, budget) in enumerate(product(pictures, payload["budgets"])):
            calls[_DYNAMIC, str(number)] = partial(
                chooser, picture.image, picture.trimap, np.array([budget], np.float32)
            )
        costs = {name: float(call()["cost"][0]) for (graph, name), call in calls.items() if graph == _DYNAMIC}
        for (graph, _), call in calls.items():
            if graph != _DYNAMIC:
                call()
        keys, samples = list(calls), []
        taken: dict[str, list[float]] = {name: [] for name in costs}
        for number in range(payload["rounds"]):
            for index in np.random.default_rng(number).permutation(len(keys)):
                graph, name = keys[index]
                started = time.perf_counter()
                calls[keys[index]]()
                ms = (time.perf_counter() - started) * 1e3
                if graph == _DYNAMIC:
                    taken[name].append(ms)
                else:
                    samples.append({"graph": graph, "path": name, "round": number, "latency_ms": ms})
        return {"samples": samples, "chosen": [{"cost": costs[name], "latency_ms": taken[name]} for name in taken]}
