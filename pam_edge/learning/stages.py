"""What one optimizer step computes in each of the three stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pam_edge.learning.batches import Batch
from pam_edge.learning.config import LossConfig, StageConfig
from pam_edge.learning.costs import BudgetScale
from pam_edge.learning.forward import forward_along, forward_with_logits
from pam_edge.learning.labels import forward_gumbel, label_paths, propose
from pam_edge.learning.losses import alpha_loss, distillation_loss, excess_loss, path_loss
from pam_edge.learning.prior import Prior
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


def draw_row(scale: BudgetScale, budgets: tuple[float, float], generator: torch.Generator) -> int:
    """Return a row of the budget embedding, drawn between two places on the scale from shortest (0) to full (1)."""
    low, high = (round(place * (scale.rows - 1)) for place in budgets)
    return low + int(torch.randint(high - low + 1, (1,), generator=generator))


class GumbelStage:
    """Stage 3 without labels: choices learn from the matting loss through Gumbel noise alone.

    Since nothing else would keep them within the budget, the share by which a path exceeds it is a penalty.
    """

    freeze_norms = True

    def __init__(self, losses: LossConfig, config: StageConfig, scale: BudgetScale) -> None:
        self.losses = losses
        self.config = config
        self.scale = scale

    def __call__(self, supernet: Supernet, batch: Batch, generator: torch.Generator) -> StepResult:
        """Compute the loss under one random budget for the whole batch."""
        row = draw_row(self.scale, self.config.budgets, generator)
        index = torch.full((len(batch),), row, device=batch.image.device)
        alpha, weights = forward_gumbel(supernet, batch, index, self.config.temperature, generator)
        excess = excess_loss(weights, self.scale.more(weights), self.scale.shortest, self.scale.limit(row))
        matting = alpha_loss(alpha, batch, self.losses)
        parts = {"alpha": matting.detach(), "excess": excess.detach()}
        return StepResult(matting + excess, parts, alpha.detach())


class PathStage:
    """Stage 3: the network learns matting along the best paths, and to predict those paths."""

    freeze_norms = True

    def __init__(
        self, losses: LossConfig, config: StageConfig, teacher: Supernet, prior: Prior, scale: BudgetScale
    ) -> None:
        self.losses = losses
        self.config = config
        self.teacher = teacher
        self.prior = prior
        self.scale = scale

    def __call__(self, supernet: Supernet, batch: Batch, generator: torch.Generator) -> StepResult:
        """Compute the loss under one random budget for the whole batch."""
        row = draw_row(self.scale, self.config.budgets, generator)
        index = torch.full((len(batch),), row, device=batch.image.device)
        limit = self.scale.limit(row)
        own = propose(supernet, batch, index, self.config.temperature, generator)
        candidates = self.prior.draw(row, self.config.candidates, generator)
        labels = label_paths(supernet, batch, limit, candidates, own, self.scale)
        alpha, logits = forward_with_logits(supernet, batch, labels, index)
        matting, path = alpha_loss(alpha, batch, self.losses), path_loss(logits, labels)
        loss = matting + self.losses.path * path
        parts = {"alpha": matting.detach(), "path": path.detach()}
        if self.losses.distillation > 0:
            distillation = teach(self.teacher, batch, alpha, self.losses)
            loss = loss + self.losses.distillation * distillation
            parts["distillation"] = distillation.detach()
        return StepResult(loss, parts | self._watch(own[0], labels, limit), alpha.detach())

    def _watch(self, proposed: Tensor, labels: Tensor, limit: float) -> dict[str, Tensor]:
        within = (self.scale.costs_of(proposed) <= limit).float().mean()
        return {"within_budget": within.to(labels.device), "own_share": (proposed == labels).all(1).float().mean()}


def teach(teacher: Supernet, batch: Batch, alpha: Tensor, losses: LossConfig) -> Tensor:
    """Return L_distill against the complete network's alpha."""
    with torch.no_grad():
        target = forward_along(teacher, batch, torch.ones(teacher.block_count, dtype=torch.bool))
    return distillation_loss(alpha, target, batch.unknown, losses.epsilon)
