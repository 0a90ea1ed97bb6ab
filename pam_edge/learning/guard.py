"""Steps whose loss or gradient is not finite: found out and taken back on the device, without waiting for it.

The optimizer leaves such a step out by itself (``found_inf``, made for mixed precision's scaled gradients), and the
moving average gives it no weight. What the forward pass did to batch norm's statistics is taken back here.
"""

from __future__ import annotations

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from pam_edge.errors import PamEdgeError
from pam_edge.learning.distributed import any_process

LARGEST_BAD_STREAK = 10


class StepGuard:
    """Judges steps and keeps count; how many there were is read only when somebody asks."""

    def __init__(self, network: nn.Module, fabric: Fabric) -> None:
        self._fabric = fabric
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        statistics = [value for norm in norms for value in (norm.running_mean, norm.running_var) if value is not None]
        # As whole numbers: NaN times zero is NaN, and its bits times zero are zero.
        self._statistics = [value.view(torch.int32) for value in statistics]
        self._counts = [norm.num_batches_tracked for norm in norms if norm.num_batches_tracked is not None]
        self._kept: list[Tensor] = []
        self._streak, self._worst, self._skipped = torch.zeros(3, dtype=torch.int64, device=fabric.device).unbind()

    def remember(self) -> None:
        """Keep batch norm's statistics as they are before a step."""
        self._kept = [value.clone() for value in (*self._statistics, *self._counts)]

    @torch.no_grad()
    def judge(self, loss: Tensor, norm: Tensor) -> Tensor:
        """Return whether a step is not finite, bool[], and take its traces in the statistics back.

        Args:
            loss: scalar.
            norm: scalar, of the gradient.
        """
        bad = any_process(self._fabric, ~(torch.isfinite(loss) & torch.isfinite(norm)))
        middle = len(self._statistics)
        _restore(self._statistics, self._kept[:middle], bad)
        _restore(self._counts, self._kept[middle:], bad)
        self._streak.add_(1).mul_(bad)
        self._skipped.add_(bad)
        torch.maximum(self._worst, self._streak, out=self._worst)
        return bad

    def check(self, step: int) -> int:
        """Return how many steps were skipped since the last call; this waits for the device.

        Raises:
            PamEdgeError: if ten in a row were.
        """
        worst, skipped = torch.stack([self._worst, self._skipped]).tolist()
        if worst >= LARGEST_BAD_STREAK:
            raise PamEdgeError(
                f"{worst} steps in a row gave a loss or gradient that is not finite, up to step {step}. Lower the "
                "learning rate, and resume from the last state in the run's folder."
            )
        self._skipped.zero_()
        return int(skipped)


def _restore(own: list[Tensor], kept: list[Tensor], bad: Tensor) -> None:
    """Set whole numbers back to those kept where a flag is set."""
    if own:
        whole = bad.to(own[0].dtype)
        torch._foreach_mul_(own, 1 - whole)
        torch._foreach_add_(own, torch._foreach_mul(kept, whole))
