"""Performance-aware path learning: online labels of optimal paths (METHOD, Algorithm 1) and the third stage."""

from __future__ import annotations

import torch
from torch import Tensor

from pam_edge.learning.batches import Batch
from pam_edge.learning.config import LossConfig, StageConfig
from pam_edge.learning.costs import BudgetScale
from pam_edge.learning.forward import finish, forward_along, forward_with_logits, take
from pam_edge.learning.losses import alpha_loss, excess_loss, l1_loss, path_loss
from pam_edge.learning.prior import Prior
from pam_edge.learning.stages import StepResult, teach
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec


def gumbel_choice(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """Return straight-through one-hot choices (eq. 8): ``softmax((logits + gumbel) / temperature)`` made one-hot.

    Args:
        logits: float32[N, 2].
        temperature: of the softmax that the gradient sees.
        generator: of the noise.

    Returns:
        float32[N, 2], exactly one-hot, with the softmax's gradient.
    """
    noise = -torch.log(-torch.log(torch.rand(logits.shape, generator=generator).clamp(1e-9, 1 - 1e-7)))
    soft = torch.softmax((logits + noise.to(logits.device)) / temperature, 1)
    hard = torch.nn.functional.one_hot(soft.argmax(1), 2).to(soft.dtype)
    return hard + (soft - soft.detach())


@torch.no_grad()
def propose(
    supernet: Supernet, batch: Batch, budget_index: Tensor, temperature: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Let the network choose a path for each image, with Gumbel noise.

    Returns:
        runs bool[N, L], and alpha along them.
    """
    embedding = supernet.embedding(budget_index)[:, :, None, None]
    chosen: list[Tensor] = []

    def step(index: int, x: Tensor) -> Tensor:
        choice = supernet.choice(index)
        attended, pooled = choice.gate.attend(x)
        runs = gumbel_choice(choice.gate.logits(pooled, embedding), temperature, generator)[:, 1] > 0.5
        chosen.append(runs)
        return take(choice.block, choice.connect, attended, runs)

    alpha = finish(supernet, batch, step)
    return torch.stack(chosen, 1), alpha


def forward_gumbel(
    supernet: Supernet, batch: Batch, budget_index: Tensor, temperature: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Matte along noisy choices through which the gates get a gradient: both branches are computed and weighed.

    Returns:
        alpha, and the straight-through weights of running, float32[N, L].
    """
    embedding = supernet.embedding(budget_index)[:, :, None, None]
    weights: list[Tensor] = []

    def step(index: int, x: Tensor) -> Tensor:
        choice = supernet.choice(index)
        attended, pooled = choice.gate.attend(x)
        chosen = gumbel_choice(choice.gate.logits(pooled, embedding), temperature, generator)
        weights.append(chosen[:, 1])
        bypass, run = chosen[:, :, None, None, None].unbind(1)
        return run * choice.take(attended, run=True) + bypass * choice.take(attended, run=False)

    alpha = finish(supernet, batch, step)
    return alpha, torch.stack(weights, 1)


@torch.no_grad()
def label_paths(
    supernet: Supernet,
    batch: Batch,
    limit: float,
    candidates: list[PathSpec],
    proposal: tuple[Tensor, Tensor],
    scale: BudgetScale,
) -> Tensor:
    """Return bool[N, L], the best eligible path of each image.

    Args:
        supernet: evaluates the candidates.
        batch: with true alphas.
        limit: the budget.
        candidates: drawn from the prior, all within the budget; at least one.
        proposal: the network's own paths and their alphas; eligible only within the budget.
        scale: costs.
    """
    runs, alpha = proposal
    own = l1_loss(alpha, batch.alpha, batch.unknown)
    own[scale.costs(runs).to(own.device) > limit] = torch.inf
    tried, paths = [own], [runs]
    for candidate in candidates:
        bits = torch.tensor(candidate.runs, device=runs.device)
        tried.append(l1_loss(forward_along(supernet, batch, bits), batch.alpha, batch.unknown))
        paths.append(bits.expand(len(batch), -1))
    best = torch.stack(tried).argmin(0)
    return torch.stack(paths)[best, torch.arange(len(batch), device=runs.device)]


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
        within = (self.scale.costs(proposed) <= limit).float().mean()
        return {"within_budget": within.to(labels.device), "own_share": (proposed == labels).all(1).float().mean()}
