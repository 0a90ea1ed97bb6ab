"""Losses of METHOD.md (eq. 9 to 12).

Every loss is first a mean over the unknown pixels of one crop and then over crops, so that a batch split among
processes has the same gradient as the whole one. Alphas are float32[N, 1, H, W]; weights are 1 in the unknown region.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from pam_edge.learning.batches import Batch
from pam_edge.learning.config import LossConfig

LAPLACIAN_LEVELS = 5
_BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)


def masked_mean(error: Tensor, weight: Tensor) -> Tensor:
    """Return the mean of an error over the pixels of weight 1, for each crop: float32[N]."""
    return (error * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp_min(1.0)


def bounded(raw: Tensor) -> Tensor:
    """Clamp to [0, 1] with the gradient of the identity: a value that left the range can find back."""
    return raw + (raw.clamp(0.0, 1.0) - raw).detach()


def l1_loss(alpha: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the mean absolute error of alpha, float32[N]."""
    return masked_mean((alpha - target).abs(), weight)


def composition_loss(alpha: Tensor, target: Tensor, weight: Tensor, contrast: Tensor) -> Tensor:
    """Return the mean absolute error of the composition ``a F + (1 - a) B``, float32[N].

    Both compositions share F and B, so their difference is the difference in alpha times ``|F - B|``.
    """
    return masked_mean((alpha - target).abs() * contrast, weight)


def laplacian_loss(alpha: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the Laplacian pyramid loss, float32[N]: level l counts 2^l times.

    The pyramid is linear, so one pyramid of the difference does for the pyramids of both mattes.
    """
    difference = (alpha - target) * weight
    total = torch.zeros(len(alpha), device=alpha.device)
    for level in range(LAPLACIAN_LEVELS):
        if level == LAPLACIAN_LEVELS - 1 or min(difference.shape[-2:]) < 4:
            return total + (1 << level) * masked_mean(difference.abs(), weight)
        smaller = functional.avg_pool2d(_blur(difference), 2)
        upper = functional.interpolate(smaller, scale_factor=2.0, mode="bilinear", align_corners=False)
        total = total + (1 << level) * masked_mean((difference - upper).abs(), weight)
        difference, weight = smaller, functional.max_pool2d(weight, 2)
    return total


def _blur(x: Tensor) -> Tensor:
    kernel = _binomial(x.device, x.dtype)
    x = functional.conv2d(functional.pad(x, (2, 2, 0, 0), mode="replicate"), kernel.view(1, 1, 1, 5))
    x = functional.conv2d(functional.pad(x, (0, 0, 2, 2), mode="replicate"), kernel.view(1, 1, 5, 1))
    return x


@cache
def _binomial(device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.tensor(_BINOMIAL, device=device, dtype=dtype) / 16.0


def alpha_loss(alpha: Tensor, batch: Batch, config: LossConfig) -> Tensor:
    """Return L_alpha, a scalar: L1, composition and Laplacian losses with their coefficients."""
    parts = (
        config.l1 * l1_loss(alpha, batch.alpha, batch.unknown)
        + config.composition * composition_loss(alpha, batch.alpha, batch.unknown, batch.contrast)
        + config.laplacian * laplacian_loss(alpha, batch.alpha, batch.unknown)
    )
    return parts.mean()


def distillation_loss(alpha: Tensor, teacher: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """Return L_distill, a scalar: the smoothed distance to the teacher's alpha over the unknown region."""
    return masked_mean(torch.sqrt((teacher - alpha) ** 2 + epsilon**2), weight).mean()


def path_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return L_path, a scalar: cross-entropies summed over blocks, mean over crops.

    Args:
        logits: float32[N, L, 2], bypass then run.
        labels: bool[N, L], the paths to imitate.
    """
    entropy = functional.cross_entropy(logits.flatten(0, 1), labels.flatten().long(), reduction="none")
    return entropy.view(labels.shape).sum(1).mean()


def excess_loss(weights: Tensor, more: Tensor, shortest: float, limit: float) -> Tensor:
    """Return the mean share by which paths exceed a budget, a scalar; zero for a path within it.

    Args:
        weights: float32[N, L], 1 where a block runs and 0 where not, with a straight-through gradient.
        more: float32[L], what running a block costs over bypassing it.
        shortest: cost of the all-bypass path.
        limit: the budget.
    """
    return torch.relu((shortest + (weights * more).sum(1)) / limit - 1.0).mean()
