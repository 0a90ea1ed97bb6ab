"""Progress of a stage: throughput, time left, averages of losses; printed and written to TensorBoard."""

from __future__ import annotations

import sys
import time

from lightning.fabric import Fabric

from pam_edge.learning.config import StageConfig
from pam_edge.learning.schedule import progress
from pam_edge.learning.stages import StepResult
from pam_edge.learning.state import Position


class Progress:
    """Collects what steps report and prints a line now and then."""

    def __init__(self, config: StageConfig, fabric: Fabric, position: Position, every: int) -> None:
        self.config = config
        self.fabric = fabric
        self.position = position
        self.every = every
        self._last_end = time.monotonic()
        self._window_start = self._last_end
        self._crops = 0
        self._sums: dict[str, float] = {}
        self._count = 0

    def wait_minutes(self, start: float) -> float:
        """Return the time between the last step's end and this one's start: data and housekeeping count too."""
        return max(0.0, start - self._last_end) / 60

    def note(self, result: StepResult, gradient_norm: float, crops: int, factor: float) -> None:
        """Take in one step."""
        self._last_end = time.monotonic()
        self._crops += crops
        self._count += 1
        for name, value in {**result.parts, "gradient": gradient_norm}.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        if self.position.step % self.every == 0:
            self._report(factor)

    def _report(self, factor: float) -> None:
        seconds = time.monotonic() - self._window_start
        means = {name: value / self._count for name, value in self._sums.items()}
        rate = self._crops / max(seconds, 1e-9)
        used = progress(self.config, self.position.step, self.position.elapsed_minutes)
        left = self.position.elapsed_minutes * (1 - used) / max(used, 1e-9)
        losses = "  ".join(f"{name} {value:.4f}" for name, value in means.items())
        self.fabric.print(
            f"{self.config.kind.value} {self.position.step:6d}  {100 * used:5.1f} %  {losses}  lr x{factor:.3f}  "
            f"{rate:.1f} crops/s  {left:.1f} min left  {time.strftime('%H:%M:%S')}",
            file=sys.stderr,
            flush=True,
        )
        self.fabric.log_dict({f"{self.config.kind.value}/{k}": v for k, v in means.items()}, self.position.crops)
        self._window_start, self._crops, self._sums, self._count = time.monotonic(), 0, {}, 0
