"""How far a stage is, its learning rate, and the exponential moving average."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from pam_edge.learning.config import StageConfig


def progress(config: StageConfig, step: int, elapsed_minutes: float) -> float:
    """Return how much of a stage is used up, 0 to 1, by steps or by minutes, whichever is further."""
    by_steps = step / config.steps
    by_time = elapsed_minutes / config.minutes if config.minutes else 0.0
    return min(1.0, max(by_steps, by_time))


def learning_rate_factor(config: StageConfig, step: int, used: float) -> float:
    """Return the factor on the learning rate: a linear rise, then cosine annealing to zero."""
    rise = min(1.0, (step + 1) / config.warm_up_steps) if config.warm_up_steps else 1.0
    return rise * 0.5 * (1.0 + math.cos(math.pi * used))


class MovingAverage:
    """Exponential moving average of a module's parameters and buffers; its early memory is shortened.

    Attributes:
        module: the averaged copy, in evaluation mode, without gradients.
    """

    def __init__(self, source: nn.Module, half_life: float) -> None:
        self.module = copy.deepcopy(source).eval().requires_grad_(False)
        self.decay = 0.5 ** (1.0 / half_life)

    @torch.no_grad()
    def update(self, source: nn.Module, step: int, skipped: Tensor | None = None) -> None:
        """Move towards the source; ``step`` counts from zero within a stage.

        Args:
            source: of the average.
            step: decides how much it counts.
            skipped: bool[], on the device; where set the average stays what it is.
        """
        # Like Adam's bias correction: early averages must not remember the start.
        weight = 1.0 - min(self.decay, (step + 1) / (step + 10))
        theirs = dict(source.state_dict())
        mine = self.module.state_dict()
        floats = [name for name, value in mine.items() if value.is_floating_point()]
        own = [mine[name] for name in floats]
        change = torch._foreach_sub([theirs[name] for name in floats], own)
        torch._foreach_mul_(change, weight if skipped is None else weight * ~skipped)
        torch._foreach_add_(own, change)
