"""What one optimizer step computes in each of the three stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pam_edge.learning.batches import Batch
from pam_edge.learning.config import LossConfig, StageConfig
from pam_edge.learning.forward import forward_along
from pam_edge.learning.losses import alpha_loss, distillation_loss
from pam_edge.supernet.network import Supernet


@dataclass(frozen=True, slots=True)
class StepResult:
    """Outcome of one forward pass.

    Attributes:
        loss: scalar to minimise.
        parts: scalars to log, by name, where the network is: reading them would make every step wait.
        alpha: float32[N, 1, H, W], for pictures.
    """

    loss: Tensor
    parts: dict[str, Tensor]
    alpha: Tensor


class Stage(Protocol):
    """One stage's step. Everything random must come from the generator, which is part of the training state."""

    freeze_norms: bool
    """Whether batch norms keep their statistics: one set has to serve all paths from stage 2 on."""

    def __call__(self, supernet: Supernet, batch: Batch, generator: torch.Generator) -> StepResult:
        """Compute the loss of one batch."""
        ...


class CompleteStage:
    """Stage 1: all blocks run."""

    freeze_norms = False

    def __init__(self, losses: LossConfig) -> None:
        self.losses = losses

    def __call__(self, supernet: Supernet, batch: Batch, generator: torch.Generator) -> StepResult:
        """Compute the loss of the complete network."""
        alpha = forward_along(supernet, batch, torch.ones(supernet.block_count, dtype=torch.bool))
        loss = alpha_loss(alpha, batch, self.losses)
        return StepResult(loss, {"alpha": loss.detach()}, alpha.detach())


class WarmUpStage:
    """Stage 2: a random path in each step, taught by the complete network."""

    freeze_norms = True

    def __init__(self, losses: LossConfig, config: StageConfig, teacher: Supernet) -> None:
        self.losses = losses
        self.config = config
        self.teacher = teacher

    def draw_path(self, block_count: int, generator: torch.Generator) -> Tensor:
        """Return bool[L]: the full path, or blocks kept with a probability that is itself drawn."""
        draws = torch.rand(block_count + 2, generator=generator)
        low, high = self.config.keep
        if draws[0] < self.config.full_share:
            return torch.ones(block_count, dtype=torch.bool)
        return draws[2:] < low + (high - low) * draws[1]

    def __call__(self, supernet: Supernet, batch: Batch, generator: torch.Generator) -> StepResult:
        """Compute the loss along one random path for the whole batch."""
        runs = self.draw_path(supernet.block_count, generator)
        alpha = forward_along(supernet, batch, runs)
        loss = alpha_loss(alpha, batch, self.losses)
        parts = {"alpha": loss.detach()}
        if self.losses.distillation > 0:
            distillation = teach(self.teacher, batch, alpha, self.losses)
            parts["distillation"] = distillation.detach()
            loss = loss + self.losses.distillation * distillation
        return StepResult(loss, parts, alpha.detach())


def teach(teacher: Supernet, batch: Batch, alpha: Tensor, losses: LossConfig) -> Tensor:
    """Return L_distill against the complete network's alpha."""
    with torch.no_grad():
        target = forward_along(teacher, batch, torch.ones(teacher.block_count, dtype=torch.bool))
    return distillation_loss(alpha, target, batch.unknown, losses.epsilon)
