"""Online labels of optimal paths (METHOD, Algorithm 1), and choices through which gates get a gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from pam_edge.learning.batches import Batch
from pam_edge.learning.costs import BudgetScale
from pam_edge.learning.forward import finish, forward_along, take
from pam_edge.learning.losses import l1_loss
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
    own[scale.costs_of(runs).to(own.device) > limit] = torch.inf
    tried, paths = [own], [runs]
    for candidate in candidates:
        bits = torch.tensor(candidate.runs, device=runs.device)
        tried.append(l1_loss(forward_along(supernet, batch, bits), batch.alpha, batch.unknown))
        paths.append(bits.expand(len(batch), -1))
    best = torch.stack(tried).argmin(0)
    return torch.stack(paths)[best, torch.arange(len(batch), device=runs.device)]
