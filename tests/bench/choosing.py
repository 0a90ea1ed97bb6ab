"""What choosing costs: a dynamic graph beside static graphs of the very paths that it takes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.forms import Say
from tests.bench.rounds import Ratio, Samples, compare, join, take_turns
from tests.bench.worker import Worker

TARGETS = ("tflite", "executorch")
BUDGETS = 6
"""Budgets from the shortest path's cost to the full path's, for how latency grows with the budget."""
PAIRS = 5
"""How often both are started anew and take turns."""
MEMORY_RUNS = 3
_GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": str(128 * 1024)}
DYNAMIC, STATIC = "dynamic", "static"


@dataclass(frozen=True, slots=True)
class Overhead:
    """A dynamic graph over the static graph of the path that it takes at full budget.

    Attributes:
        path: the one that both take.
        latency: over all rounds of all pairs of processes.
        memory_ratio: peak memory of dynamic over static, from before loading to after the last run.
    """

    path: str
    latency: Ratio
    memory_ratio: float


@dataclass(frozen=True, slots=True)
class Choosing:
    """What a dynamic graph costs, whatever it chooses.

    Attributes:
        chosen: along the path that the gates choose.
        complete: along the full path, by gates that always say run. The static graph of a shorter path lacks the
            weights of the blocks that it bypasses; here both hold the weights of every block.
        file_ratio: dynamic file over the static file of the full path.
        budgets_ms: per budget as a share of the full path's GMACs: path taken and median latency, in turns.
    """

    target: str
    checkpoint: str
    chosen: Overhead
    complete: Overhead
    file_ratio: float
    budgets_ms: dict[float, tuple[str, float]]


def measure_choosing(
    target: str, folder: str, checkpoint: str, *, size: int, threads: int, rounds: int, say: Say
) -> Choosing:
    """Convert and let both take turns, each in a process of its own, and that several times anew."""
    say(f"{checkpoint}, {target}: converting")
    opened = {"target": target, "size": size, "threads": threads}
    with Worker("choosers:Maker", threads=1) as maker:

        def make(name: str, path: str | None = None, greedy: bool = False) -> dict[str, Any]:
            into = f"{folder}/{target}/{name}"
            return maker.call(
                "make", target=target, checkpoint=checkpoint, size=size, folder=into, path=path, greedy=greedy
            )

        dynamic = make("dynamic")
        with Worker("choosers:Chooser", threads=threads) as chooser:
            chooser.call("open", file=dynamic["file"], dynamic=True, **opened)
            path = chooser.call("use", budget=dynamic["full"])["path"]
            say(f"{checkpoint}, {target}: budgets in turns")
            budgets = _budgets(chooser, dynamic["shortest"], dynamic["full"], rounds)
        static, greedy = make("static", path), make("greedy", greedy=True)
        full_path = "1" * len(path)
        full = make("full", full_path)

    def overhead(path: str, dynamic: dict[str, Any], static: dict[str, Any]) -> Overhead:
        contenders = {
            DYNAMIC: opened | {"file": dynamic["file"], "dynamic": True},
            STATIC: opened | {"file": static["file"], "dynamic": False},
        }
        usual = {DYNAMIC: dynamic["full"], STATIC: None}
        return _overhead(contenders, usual, path, rounds, lambda stage: say(f"{checkpoint}, {target}, {path}: {stage}"))

    return Choosing(
        target=target,
        checkpoint=checkpoint,
        chosen=overhead(path, dynamic, static),
        complete=overhead(full_path, greedy, full),
        file_ratio=dynamic["bytes"] / full["bytes"],
        budgets_ms=budgets,
    )


def _overhead(
    contenders: Mapping[str, dict[str, Any]], budgets: Mapping[str, float | None], path: str, rounds: int, say: Say
) -> Overhead:
    taken: dict[str, list[Samples]] = {name: [] for name in contenders}
    for number in range(PAIRS):
        say(f"dynamic and static in turns, {number + 1} of {PAIRS}")
        for name, samples in _in_turns(contenders, budgets, rounds, path).items():
            taken[name].append(samples)
    peaks = {name: _peak_bytes(contenders[name], budgets[name]) for name in contenders}
    latency = compare(*(join(taken[name]) for name in (DYNAMIC, STATIC)))
    return Overhead(path, latency, memory_ratio=peaks[DYNAMIC] / peaks[STATIC])


def _in_turns(
    contenders: Mapping[str, dict[str, Any]], budgets: Mapping[str, float | None], rounds: int, path: str
) -> dict[str, Samples]:
    """Let both take turns in new processes, on files of their own: where memory lies decides some of a latency."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="pam-edge-bench-"))
        workers = {}
        for name, opened in contenders.items():
            file = shutil.copy(opened["file"], f"{folder}/{name}{Path(opened['file']).suffix}")
            workers[name] = stack.enter_context(Worker("choosers:Chooser", threads=opened["threads"]))
            workers[name].call("open", **opened | {"file": file})
            used = workers[name].call("use", budget=budgets[name])
            if used["path"] not in (None, path):
                raise RuntimeError(f"{name} was to take {path}, and takes {used['path']}")
        return take_turns(workers, rounds, lambda: None)


def _peak_bytes(opened: dict[str, Any], budget: float | None) -> int:
    """Return the most that a process grows by, from before loading to after some runs.

    The allocator gives large blocks back when they are freed. By default it keeps some, by the order of sizes that it
    has seen, and the same file then takes anything within a tenth.
    """
    with Worker("choosers:Chooser", threads=opened["threads"], environment=_GIVE_BACK) as worker:
        before = worker.call("open", **opened)["before_bytes"]
        worker.call("use", budget=budget)
        for _ in range(MEMORY_RUNS):
            worker.call("run")
        return int(worker.call("peak")["peak_bytes"] - before)


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
