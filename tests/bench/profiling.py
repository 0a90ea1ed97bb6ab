"""What runs single operators in a worker: ExecuTorch with its event trace, LiteRT on a one-operator file."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.bench.contenders import ENTRY


class TracedExecuTorch:
    """A .pte file executed with ETDump: the delegate's own time of each of its operators."""

    def __init__(self) -> None:
        import torch
        from executorch.runtime import Runtime

        self._torch, self._runtime = torch, Runtime.get()

    def open(self, folder: str, threads: int, shapes: list[list[int]]) -> dict[str, int]:
        """Load the file; inputs are noise float32 in 0..255. Return what runs outside the delegate, by name."""
        from executorch.extension.pybindings import portable_lib

        from pam_edge.runtimes.registry import load_runtime
        from pam_edge.targets import Target

        portable_lib._unsafe_reset_threadpool(threads)
        file = Path(folder) / f"{ENTRY}.pte"
        # Any debug buffer between nothing and enough aborts the process; times need none.
        self._program = self._runtime.load_program(file, enable_etdump=True, debug_buffer_size=0)
        self._method = self._program.load_method(ENTRY)
        self._inputs = [self._torch.rand(*shape) * 255 for shape in shapes]
        return load_runtime(Target.EXECUTORCH).inspect(file, ENTRY).outside

    def run(self) -> dict[str, float]:
        """Run once; the trace keeps every run."""
        cpu, wall = time.process_time(), time.perf_counter()
        self._method.execute(self._inputs)
        return {"wall_ms": (time.perf_counter() - wall) * 1e3, "cpu_ms": (time.process_time() - cpu) * 1e3}

    def events(self) -> dict[str, Any]:
        """Return ``operators``, [name, [ms of each run]] in execution order, and ``delegate``, [ms of each run]."""
        from executorch.devtools import Inspector

        with TemporaryDirectory() as folder:
            trace = str(Path(folder) / "trace.etdp")
            self._program.write_etdump_result_to_file(trace, str(Path(folder) / "debug.bin"))
            blocks = Inspector(etdump_path=trace).event_blocks
        events = [event for block in blocks if block.name == "Execute" for event in block.events]
        found: defaultdict[str, list[Any]] = defaultdict(list)
        for event in events:
            if event.is_delegated_op:
                found["operators"].append([event.name, list(event.perf_data.raw)])
            elif event.name == "DELEGATE_CALL":
                found["delegate"] = list(event.perf_data.raw)
        return dict(found)


class OneOperatorLiteRT:
    """A .tflite file of one operator: inputs are set once, a run is the bare ``invoke``."""

    def __init__(self) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._class = Interpreter

    def open(self, folder: str, threads: int) -> None:
        """Load the file and set its input to noise in 0..1."""
        self._interpreter = self._class(model_path=str(Path(folder) / f"{ENTRY}.tflite"), num_threads=threads)
        self._interpreter.allocate_tensors()
        (details,) = self._interpreter.get_input_details()
        noise = np.random.default_rng(0).random(tuple(details["shape"]), np.float32)
        self._interpreter.set_tensor(details["index"], noise)

    def run(self) -> dict[str, float]:
        """Invoke once."""
        cpu, wall = time.process_time(), time.perf_counter()
        self._interpreter.invoke()
        return {"wall_ms": (time.perf_counter() - wall) * 1e3, "cpu_ms": (time.process_time() - cpu) * 1e3}
