"""What choosing costs: a dynamic graph beside static graphs of the very paths that it takes."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.forms import Say
from tests.bench.rounds import Ratio, Samples, compare, take_turns
from tests.bench.worker import Worker

TARGETS = ("tflite", "executorch")
BUDGETS = 6
"""Budgets from the shortest path's cost to the full path's, for how latency grows with the budget."""
DYNAMIC, STATIC = "dynamic", "static"


@dataclass(frozen=True, slots=True)
class Choosing:
    """A dynamic graph and the static graph of the path it takes at full budget.

    Attributes:
        path: taken at full budget.
        file_ratio: dynamic file over the static file of the full path.
        memory_ratio: peak memory of dynamic over static, from before loading to after the last run.
        budgets_ms: per budget as a share of the full path's GMACs: path taken and median latency, in turns.
    """

    target: str
    checkpoint: str
    path: str
    latency: Ratio
    file_ratio: float
    memory_ratio: float
    budgets_ms: dict[float, tuple[str, float]]


def measure_choosing(
    target: str, folder: str, checkpoint: str, *, size: int, threads: int, rounds: int, say: Say
) -> Choosing:
    """Convert and let both take turns, each in a process of its own."""
    say(f"{checkpoint}, {target}: converting")
    with ExitStack() as stack:
        maker = stack.enter_context(Worker("choosers:Maker", threads=1))
        common = {"target": target, "checkpoint": checkpoint, "size": size}
        dynamic = maker.call("make", **common, folder=f"{folder}/{target}/dynamic", path=None)
        chooser = stack.enter_context(Worker("choosers:Chooser", threads=threads))
        opened = {"target": target, "size": size, "threads": threads}
        before = {DYNAMIC: chooser.call("open", file=dynamic["file"], dynamic=True, **opened)["before_bytes"]}
        path = chooser.call("use", budget=dynamic["full"])["path"]
        static = maker.call("make", **common, folder=f"{folder}/{target}/static", path=path)
        full_file = Path(static["file"]).stat().st_size
        if "0" in path:
            full_path = path.replace("0", "1")
            full_file = maker.call("make", **common, folder=f"{folder}/{target}/full", path=full_path)["bytes"]
        fixed = stack.enter_context(Worker("choosers:Chooser", threads=threads))
        before[STATIC] = fixed.call("open", file=static["file"], dynamic=False, **opened)["before_bytes"]
        fixed.call("use", budget=None)
        say(f"{checkpoint}, {target}: dynamic and static in turns")
        workers = {DYNAMIC: chooser, STATIC: fixed}
        samples = take_turns(workers, rounds, lambda: None)
        peaks = {name: worker.call("peak")["peak_bytes"] - before[name] for name, worker in workers.items()}
        say(f"{checkpoint}, {target}: budgets in turns")
        budgets = _budgets(chooser, dynamic["shortest"], dynamic["full"], rounds)
    return Choosing(
        target=target,
        checkpoint=checkpoint,
        path=path,
        latency=compare(samples[DYNAMIC], samples[STATIC]),
        file_ratio=dynamic["bytes"] / full_file,
        memory_ratio=peaks[DYNAMIC] / peaks[STATIC],
        budgets_ms=budgets,
    )


def _budgets(chooser: Worker, shortest: float, full: float, rounds: int) -> dict[float, tuple[str, float]]:
    budgets = [shortest + (full - shortest) * step / (BUDGETS - 1) for step in range(BUDGETS)]
    paths = {}
    taken: dict[float, list[dict[str, float]]] = {budget: [] for budget in budgets}
    for _ in range(rounds):
        for budget in budgets:
            paths[budget] = chooser.call("use", budget=budget)["path"]
            taken[budget].append(chooser.call("run"))
    times = {
        b: Samples(tuple(r["wall_ms"] for r in rows), tuple(r["cpu_ms"] for r in rows)) for b, rows in taken.items()
    }
    return {budget / full: (paths[budget], samples.median_ms) for budget, samples in times.items()}
