"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from pam_edge.runtimes.coreml.operator import Operator


def batch_norm(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    epsilon: float = 1e-5,
) -> Tensor:
    """Normalise each channel by stored statistics."""
    return F.batch_norm(x, mean, variance, gamma, beta, False, 0.0, epsilon)


def instance_norm(x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None, epsilon: float = 1e-5) -> Tensor:
    """Normalise each channel of each image by its own statistics."""
    dims = tuple(range(2, x.dim()))
    shape = [1, -1] + [1] * len(dims)
    y = _standardise(x, dims, epsilon)
    y = y if gamma is None else y * gamma.reshape(shape)
    return y if beta is None else y + beta.reshape(shape)


def layer_norm(
    x: Tensor,
    axes: Sequence[int] | None = None,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    epsilon: float = 1e-5,
) -> Tensor:
    """Normalise over the given dimensions, all by default."""
    dims = sorted(axis % x.dim() for axis in (range(x.dim()) if axes is None else axes))
    shape = [size if dim in dims else 1 for dim, size in enumerate(x.shape)]
    y = _standardise(x, tuple(dims), epsilon)
    y = y if gamma is None else y * gamma.reshape(shape)
    return y if beta is None else y + beta.reshape(shape)


def _standardise(x: Tensor, dims: tuple[int, ...], epsilon: float) -> Tensor:
    variance, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
    return (x - mean) / torch.sqrt(variance + epsilon)


def l2_norm(x: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Divide by the length over the last three dimensions."""
    return x / torch.sqrt((x * x).sum((-3, -2, -1), keepdim=True) + epsilon)


def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Divide by a power of the mean square over neighbouring channels."""
    return F.local_response_norm(x, size, alpha, beta, k)


OPERATORS: dict[str, Operator] = {
    "batch_norm": Operator(batch_norm),
    "instance_norm": Operator(instance_norm),
    "layer_norm": Operator(layer_norm),
    "l2_norm": Operator(l2_norm),
    "local_response_norm": Operator(local_response_norm),
}
