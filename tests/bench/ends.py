"""What a graph's ends cost: a mask in, a cut-out out, a video followed, beside trimap in and alpha out."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pam_edge.converters.base import ConversionJob, EntryPoint
from pam_edge.converters.registry import load_converter
from pam_edge.delivery.artifact.tensors import contract
from pam_edge.evaluation.masks import as_graph_sees
from pam_edge.evaluation.pictures import bundled_pictures, fit
from pam_edge.graphs.ends import PLAIN, Ends, Interface
from pam_edge.matting.trimaps import default_band_px
from pam_edge.measuring.memory import peak_bytes, reset_peak, resident_bytes
from pam_edge.planning.budget import DEFAULT_BUDGETS
from pam_edge.planning.conditions import Conditions
from pam_edge.planning.service import plan
from pam_edge.runtimes.base import TensorNames
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.targets import Target
from pam_edge.terms import CostUnit, Mode, Precision, Result, Source, TensorIO
from tests.bench.forms import Say
from tests.bench.rounds import Ratio, compare, take_turns
from tests.bench.worker import Worker

NAME = "graph"
PLAIN_ENDS = "trimap, alpha"
ENDS = {
    PLAIN_ENDS: (Source.TRIMAP, Result.ALPHA),
    "mask": (Source.MASK, Result.ALPHA),
    "cut-out": (Source.TRIMAP, Result.CUTOUT),
    "mask, cut-out": (Source.MASK, Result.CUTOUT),
    "video": (Source.MASK_AND_PREVIOUS, Result.ALPHA),
}
MEMORY_RUNS = 3
_GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": str(128 * 1024)}


@dataclass(frozen=True, slots=True)
class EndsCost:
    """What ends cost along the mild path, by their names, over those that are plain.

    Attributes:
        path: the mild one.
        latency: over all rounds, each of which runs all.
        memory_ratio: of peak memory, from before loading to after the last run.
    """

    target: str
    checkpoint: str
    path: str
    latency: dict[str, Ratio]
    memory_ratio: dict[str, float]


def measure_ends(
    target: str, folder: str, checkpoint: str, *, size: int, threads: int, rounds: int, say: Say
) -> EndsCost:
    """Convert a graph with each of the ends, and let all take turns, each in a process of its own."""
    opened: dict[str, dict[str, Any]] = {}
    with Worker("ends:Maker", threads=1) as maker:
        for number, name in enumerate(ENDS):
            say(f"{checkpoint}, {target}: converting {name}")
            made = maker.call(
                "make", target=target, checkpoint=checkpoint, size=size, folder=f"{folder}/{number}", ends=name
            )
            opened[name] = {"target": target, "file": made["file"], "size": size, "threads": threads, "ends": name}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker("ends:Runner", threads=threads)) for name in ENDS}
        for name, worker in workers.items():
            worker.call("open", **opened[name])
        say(f"{checkpoint}, {target}: in turns")
        samples = take_turns(workers, rounds, lambda: None)
    peaks = {name: _peak(opened[name]) for name in ENDS}
    return EndsCost(
        target=target,
        checkpoint=checkpoint,
        path=made["path"],
        latency={name: compare(each, samples[PLAIN_ENDS]) for name, each in samples.items() if name != PLAIN_ENDS},
        memory_ratio={name: peak / peaks[PLAIN_ENDS] for name, peak in peaks.items() if name != PLAIN_ENDS},
    )


def _peak(opened: Mapping[str, Any]) -> int:
    with Worker("ends:Runner", threads=opened["threads"], environment=_GIVE_BACK) as worker:
        before = worker.call("open", **opened)["before_bytes"]
        for _ in range(MEMORY_RUNS):
            worker.call("run")
        return int(worker.call("peak")["peak_bytes"] - before)


class Maker:
    """Writes graphs; nothing is kept between runs of the benchmark."""

    def make(self, target: str, checkpoint: str, size: int, folder: str, ends: str) -> dict[str, Any]:
        """Write a static graph of the mild path; return its file and path."""
        loaded = load_checkpoint(checkpoint)
        path = plan(loaded, DEFAULT_BUDGETS[:1], Conditions(loaded.config, size, size)).plans[0].path
        Path(folder).mkdir(parents=True)
        job = ConversionJob(
            supernet=loaded.supernet.eval(),
            entry_points=(EntryPoint(NAME, path, _interface(size, ends)),),
            mode=Mode.STATIC,
            precision=Precision.FP32,
            io=TensorIO.TENSOR,
            directory=Path(folder),
        )
        return {"file": str(Path(folder) / load_converter(Target(target)).convert(job)[NAME]), "path": str(path)}


class Runner:
    """Loads one of the graphs and runs a photograph through it."""

    def open(self, target: str, file: str, size: int, threads: int, ends: str) -> dict[str, int]:
        """Load; return resident bytes before it, imports done."""
        chosen, interface = Target(target), _interface(size, ends)
        runtime = load_runtime(chosen)
        inputs, outputs = contract(chosen, TensorIO.TENSOR, interface, None, CostUnit.GMAC)
        names = TensorNames(tuple(each.name for each in inputs), tuple(each.name for each in outputs))
        picture = as_graph_sees(fit(bundled_pictures()[0], size, size), interface.ends)
        self._inputs = picture.image, picture.given
        gc.collect()
        reset_peak()
        before = resident_bytes()
        self._model = runtime.load(Path(file), NAME, names, threads=threads)
        return {"before_bytes": before}

    def run(self) -> dict[str, float]:
        """Run once; return wall time and processor time in milliseconds."""
        cpu, wall = time.process_time(), time.perf_counter()
        self._model(*self._inputs)
        return {"wall_ms": (time.perf_counter() - wall) * 1e3, "cpu_ms": (time.process_time() - cpu) * 1e3}

    def peak(self) -> dict[str, int]:
        """Return the largest resident set since just before loading."""
        return {"peak_bytes": peak_bytes()}


def _interface(size: int, ends: str) -> Interface:
    source, result = ENDS[ends]
    if (source, result) == (PLAIN.source, PLAIN.result):
        return Interface(size, size)
    return Interface(size, size, Ends(source, result, default_band_px(size, size) if source.is_mask else 0))
