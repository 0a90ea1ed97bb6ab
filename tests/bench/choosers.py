"""A dynamic graph, and a static graph of one path, each in a worker of its own, through ``pam_edge.runtimes``."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Any

import numpy as np

from pam_edge.converters.base import ConversionJob, EntryPoint, Selection
from pam_edge.converters.registry import load_converter
from pam_edge.evaluation.pictures import bundled_pictures, fit
from pam_edge.graphs.ends import Interface
from pam_edge.graphs.governor import BudgetTable, GovernorCosts
from pam_edge.measuring.memory import peak_bytes, reset_peak, resident_bytes
from pam_edge.planning.cost import mac_cost_table
from pam_edge.runtimes.base import OF_DYNAMIC, OF_STATIC
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import Mode, Precision, TensorIO
from tests.gates import lean_towards_running

NAME = "graph"
_CERTAIN = 1e4


class Maker:
    """Writes graphs; nothing is kept between runs of the benchmark."""

    def make(
        self, target: str, checkpoint: str, size: int, folder: str, path: str | None, greedy: bool = False
    ) -> dict[str, Any]:
        """Write the dynamic graph, or a static one of ``path``; return its file, bytes, and the full path's cost.

        ``greedy`` changes the gates so that every one says run on every picture.
        """
        supernet = load_checkpoint(checkpoint).supernet.eval()
        if greedy:
            lean_towards_running(supernet, _CERTAIN)
        costs = GovernorCosts.of(mac_cost_table(supernet.config, size, size))
        steps = supernet.config.budget_indices
        rise = (costs.full - costs.shortest) / (steps - 1)
        table = BudgetTable((0.0, *(costs.shortest + rise * step for step in range(1, steps))))
        Path(folder).mkdir(parents=True, exist_ok=True)
        job = ConversionJob(
            supernet=supernet,
            entry_points=(EntryPoint(NAME, PathSpec.parse(path) if path else None, Interface(size, size)),),
            mode=Mode.STATIC if path else Mode.DYNAMIC,
            precision=Precision.FP32,
            io=TensorIO.TENSOR,
            directory=Path(folder),
            selection=None if path else Selection(costs, table),
        )
        file = Path(folder) / load_converter(Target(target)).convert(job)[NAME]
        return {"file": str(file), "bytes": file.stat().st_size, "full": costs.full, "shortest": costs.shortest}


class Chooser:
    """Loads one of the graphs and runs a photograph through it."""

    def __init__(self) -> None:
        self._calls: dict[float | None, Any] = {}

    def open(self, target: str, file: str, size: int, threads: int, dynamic: bool) -> dict[str, int]:
        """Load; return resident bytes before it, imports done."""
        runtime = load_runtime(Target(target))
        picture = fit(bundled_pictures()[0], size, size)
        self._inputs = picture.image, picture.trimap
        gc.collect()
        reset_peak()
        before = resident_bytes()
        self._model = runtime.load(Path(file), NAME, OF_DYNAMIC if dynamic else OF_STATIC, threads=threads)
        return {"before_bytes": before}

    def use(self, budget: float | None) -> dict[str, Any]:
        """Set the budget of the next runs; return the path that the dynamic graph takes within it."""
        self._arguments = self._inputs if budget is None else (*self._inputs, np.array([budget], np.float32))
        if budget is None:
            return {"path": None}
        return {"path": "".join("1" if runs else "0" for runs in self._model(*self._arguments)["path"])}

    def run(self) -> dict[str, float]:
        """Run once; return wall time and processor time in milliseconds."""
        cpu, wall = time.process_time(), time.perf_counter()
        self._model(*self._arguments)
        return {"wall_ms": (time.perf_counter() - wall) * 1e3, "cpu_ms": (time.process_time() - cpu) * 1e3}

    def peak(self) -> dict[str, int]:
        """Return the largest resident set since just before loading."""
        return {"peak_bytes": peak_bytes()}
