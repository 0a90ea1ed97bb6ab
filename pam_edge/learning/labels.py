"""Performance-aware path learning: online labels of optimal paths (METHOD, Algorithm 1) and the third stage."""

from __future__ import annotations

from dataclasses import dataclass

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


def straight_through(logits: Tensor) -> Tensor:
    """Return what gates choose without noise, float32[N, L] of zeros and ones, with the gradient of the softmax.

    Args:
        logits: float32[N, L, 2], bypass then run.
    """
    soft = torch.softmax(logits.float(), 2)[..., 1]
    return (soft > 0.5).float() + (soft - soft.detach())


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


@dataclass(frozen=True, slots=True)
class Labels:
    """The path that each image should have taken.

    Attributes:
        paths: bool[N, L].
        gain: float32[N], 0 to 1, how much smaller its error is than the mean over all eligible paths.
    """

    paths: Tensor
    gain: Tensor

    def worth(self) -> Tensor:
        """Return weights of mean one, in proportion to the gain."""
        mean = self.gain.mean()
        return self.gain / mean if float(mean) > 0 else torch.ones_like(self.gain)


@torch.no_grad()
def label_paths(
    supernet: Supernet,
    batch: Batch,
    limit: float,
    candidates: list[PathSpec],
    proposal: tuple[Tensor, Tensor],
    scale: BudgetScale,
    expected: Tensor | None = None,
    shrinkage: float = 0.0,
) -> Labels:
    """Return the best eligible path of each image.

    Args:
        supernet: evaluates the candidates.
        batch: with true alphas.
        limit: the budget.
        candidates: drawn from the prior, all within the budget; at least one.
        proposal: the network's own paths and their alphas; eligible only within the budget.
        scale: costs.
        expected: float32[K], what each candidate's error is expected to be on any image; needed to shrink. Of the
            network's own paths the mean of these is expected.
        shrinkage: weight of what is expected, 0 to 1, beside the error on the image itself, both relative to the mean
            over the candidates.
    """
    runs, alpha = proposal
    tried, paths = [l1_loss(alpha, batch.alpha, batch.unknown)], [runs]
    for candidate in candidates:
        bits = torch.tensor(candidate.runs, device=runs.device)
        tried.append(l1_loss(forward_along(supernet, batch, bits), batch.alpha, batch.unknown))
        paths.append(bits.expand(len(batch), -1))
    errors = torch.stack(tried)
    if expected is not None and shrinkage > 0:
        errors = _shrunken(errors, expected.to(errors.device), shrinkage)
    # Only now: shrinking by 1 would make NaN of infinity, and NaN would be the least error.
    errors[0, scale.costs(runs).to(errors.device) > limit] = torch.inf
    least, best = errors.min(0)
    eligible = errors.isfinite()
    mean = torch.where(eligible, errors, 0.0).sum(0) / eligible.sum(0)
    each = torch.arange(len(batch), device=runs.device)
    return Labels(torch.stack(paths)[best, each], 1.0 - least / mean.clamp_min(1e-9))


def _shrunken(errors: Tensor, expected: Tensor, shrinkage: float) -> Tensor:
    """Return errors float32[1 + K, N], the network's own path first, drawn towards those that are expected."""
    relative = torch.cat([torch.ones_like(expected[:1]), expected / expected.mean()])[:, None]
    return (1 - shrinkage) * errors / errors[1:].mean(0).clamp_min(1e-9) + shrinkage * relative


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
        parts = {"alpha": float(matting.detach()), "excess": float(excess.detach())}
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
        candidates = self._candidates(row, generator)
        expected = torch.tensor([self.prior.path_errors[str(path)] for path in candidates])
        labels = label_paths(supernet, batch, limit, candidates, own, self.scale, expected, self.config.shrinkage)
        alpha, logits = forward_with_logits(supernet, batch, labels.paths, index)
        loss, parts = self._gate_loss(logits, labels, limit)
        if not self.config.gates_only:
            matting = alpha_loss(alpha, batch, self.losses)
            loss = matting + self.losses.path * loss
            parts["alpha"] = float(matting.detach())
            if self.losses.distillation > 0:
                distillation = teach(self.teacher, batch, alpha, self.losses)
                loss = loss + self.losses.distillation * distillation
                parts["distillation"] = float(distillation.detach())
        return StepResult(loss, parts | self._watch(own[0], labels.paths, limit), alpha.detach())

    def _candidates(self, row: int, generator: torch.Generator) -> list[PathSpec]:
        """Draw from the prior; where labels are drawn towards the expected best path, it must be among them."""
        candidates = self.prior.draw(row, self.config.candidates, generator)
        best = self.prior.expected_best(row)
        if self.config.shrinkage > 0 and best not in candidates:
            candidates[-1] = best
        return candidates

    def _gate_loss(self, logits: Tensor, labels: Labels, limit: float) -> tuple[Tensor, dict[str, float]]:
        worth = labels.worth() if self.config.weigh_labels else torch.ones_like(labels.gain)
        loss = path_loss(logits, labels.paths, worth)
        parts = {"path": float(loss.detach())}
        if self.config.excess > 0:
            weights = straight_through(logits)
            excess = excess_loss(weights, self.scale.more(weights), self.scale.shortest, limit)
            loss = loss + self.config.excess * excess
            parts["excess"] = float(excess.detach())
        return loss, parts

    def _watch(self, proposed: Tensor, labels: Tensor, limit: float) -> dict[str, float]:
        within = (self.scale.costs(proposed) <= limit).float().mean()
        return {"within_budget": float(within), "own_share": float((proposed == labels).all(1).float().mean())}
