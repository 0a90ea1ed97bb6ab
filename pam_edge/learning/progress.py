"""Progress of a stage: throughput, time left, averages of losses; printed and written to TensorBoard."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator

import torch
from lightning.fabric import Fabric
from torch import Tensor

from pam_edge.learning.batches import Batch
from pam_edge.learning.config import StageConfig
from pam_edge.learning.guard import StepGuard
from pam_edge.learning.schedule import progress
from pam_edge.learning.stages import StepResult
from pam_edge.learning.state import Position

_STEPS_AHEAD = 2
"""Steps that may wait in a GPU's queue: enough to keep it busy, and batches do not pile up in its memory."""


class Progress:
    """Collects what steps report, on the device, and prints a line now and then."""

    def __init__(self, config: StageConfig, fabric: Fabric, position: Position, guard: StepGuard, every: int) -> None:
        self.config = config
        self.fabric = fabric
        self.position = position
        self.guard = guard
        self.every = every
        self._last_end = time.monotonic()
        self._queued: deque[torch.cuda.Event] = deque()
        self._begin()

    def _begin(self) -> None:
        self._window_start, self._waited_s, self._crops, self._steps = time.monotonic(), 0.0, 0, 0
        self._names: tuple[str, ...] = ()
        self._sums: Tensor | None = None

    def timed(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield batches, and add up the time spent waiting for them."""
        source = iter(batches)
        while True:
            start = time.monotonic()
            batch = next(source, None)
            self._waited_s += time.monotonic() - start
            if batch is None:
                return
            yield batch

    def step_minutes(self) -> float:
        """Return the time since this was last called: data and housekeeping count too."""
        before, self._last_end = self._last_end, time.monotonic()
        return (self._last_end - before) / 60

    def note(self, result: StepResult, norm: Tensor, crops: int, factor: float) -> None:
        """Take in one step."""
        self._keep_pace()
        values = torch.stack([*result.parts.values(), norm]).detach().nan_to_num(0.0, 0.0, 0.0)
        self._names = (*result.parts, "gradient")
        self._sums = values if self._sums is None else self._sums + values
        self._crops += crops
        self._steps += 1
        if self.position.step % self.every == 0:
            self._report(factor)

    def _keep_pace(self) -> None:
        """Wait for the step before the last one: nothing else in a step waits for a GPU."""
        if self.fabric.device.type != "cuda":
            return
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record()
        self._queued.append(done)
        if len(self._queued) > _STEPS_AHEAD:
            self._queued.popleft().synchronize()

    def _report(self, factor: float) -> None:
        assert self._sums is not None
        skipped = self.guard.check(self.position.step)
        count = max(1, self._steps - skipped)
        means = dict(zip(self._names, (self._sums / count).tolist(), strict=True))
        seconds = max(time.monotonic() - self._window_start, 1e-9)
        means |= {"crops_per_s": self._crops / seconds, "waiting": self._waited_s / seconds}
        self._print(means, skipped, factor)
        self.fabric.log_dict({f"{self.config.kind.value}/{k}": v for k, v in means.items()}, self.position.crops)
        self._begin()

    def _print(self, means: dict[str, float], skipped: int, factor: float) -> None:
        used = progress(self.config, self.position.step, self.position.elapsed_minutes)
        left = self.position.elapsed_minutes * (1 - used) / max(used, 1e-9)
        losses = "  ".join(f"{name} {means[name]:.4f}" for name in self._names)
        self.fabric.print(
            f"{self.config.kind.value} {self.position.step:6d}  {100 * used:5.1f} %  {losses}  lr x{factor:.3f}  "
            f"{means['crops_per_s']:.1f} crops/s, {100 * means['waiting']:.0f} % of it waiting for data  "
            f"{f'{skipped} steps skipped  ' if skipped else ''}{left:.1f} min left  {time.strftime('%H:%M:%S')}",
            file=sys.stderr,
            flush=True,
        )
