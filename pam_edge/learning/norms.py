"""Batch norm over the crops of all processes: torch's own synchronised one refuses CPUs."""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_reduce


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm whose training statistics are those of the whole batch, wherever its parts are.

    In evaluation mode, and without other processes, it is an ordinary one. Like an ordinary one it computes in float32
    at least: mixed precision brings features in bfloat16, whose sums would have three digits.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return float[N, C, H, W], normalised, of the input's type."""
        if not self.training or not distributed.is_initialized() or distributed.get_world_size() == 1:
            return super().forward(x)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        count_here = wide.new_full((1,), wide[:, 0].numel())
        sums = torch.cat([wide.sum((0, 2, 3)), wide.square().sum((0, 2, 3)), count_here])
        # The sum of all processes, with a gradient that flows back to all of them.
        total = all_reduce(sums)  # type: ignore[no-untyped-call]
        count = total[-1]
        mean, square = (total[:-1] / count).chunk(2)
        variance = (square - mean.square()).clamp_min(0.0)
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        result: Tensor = wide * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]
        return result.to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        weight = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, weight)
        self.running_var.lerp_(variance, weight)


def share_norms(network: nn.Module) -> None:
    """Turn every batch norm of a network into a shared one, in place; parameters and names stay what they are."""
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            # The same state with another forward: a new module would have to be put in its place by name.
            module.__class__ = SharedBatchNorm
