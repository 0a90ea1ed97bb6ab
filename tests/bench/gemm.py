"""The machine's own rate: a plain matrix product, measured in turns with everything that is compared with it."""

from __future__ import annotations

import time

SIDE = 1024
GMACS = SIDE**3 / 1e9


class Gemm:
    """One float32 product of two 1024x1024 matrices by ``torch.mm``, ``GMACS`` multiply-accumulates."""

    def __init__(self) -> None:
        import torch

        self._torch = torch

    def open(self, threads: int) -> None:
        """Make the matrices."""
        self._torch.set_num_threads(threads)
        self._left, self._right = self._torch.rand(2, SIDE, SIDE)
        self._product = self._torch.empty(SIDE, SIDE)

    def run(self) -> dict[str, float]:
        """Multiply once; return wall and processor time in milliseconds."""
        cpu, wall = time.process_time(), time.perf_counter()
        self._torch.mm(self._left, self._right, out=self._product)
        return {"wall_ms": (time.perf_counter() - wall) * 1e3, "cpu_ms": (time.process_time() - cpu) * 1e3}
