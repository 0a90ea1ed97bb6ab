"""Activation functions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from pam_edge.errors import UnsupportedOpError
from pam_edge.runtimes.coreml.operator import Operator, moves


def _relu(x: Tensor) -> Tensor:
    return torch.relu(x)


def _relu6(x: Tensor) -> Tensor:
    return F.relu6(x)


def _clamped_relu(x: Tensor, alpha: float, beta: float) -> Tensor:
    return torch.clamp(torch.where(x >= 0, x, x * alpha), max=beta)


def _leaky_relu(x: Tensor, alpha: float) -> Tensor:
    return F.leaky_relu(x, alpha)


def _thresholded_relu(x: Tensor, alpha: float) -> Tensor:
    return torch.where(x >= alpha, x, torch.zeros_like(x))


def _prelu(x: Tensor, alpha: Tensor) -> Tensor:
    return F.prelu(x, alpha)


def _elu(x: Tensor, alpha: float) -> Tensor:
    return torch.where(x > 0, x, alpha * torch.expm1(x))


def _gelu(x: Tensor, mode: str = "EXACT") -> Tensor:
    if mode == "EXACT":
        return F.gelu(x)
    if mode == "TANH_APPROXIMATION":
        return F.gelu(x, approximate="tanh")
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(1.702 * x)
    raise UnsupportedOpError(f"gelu has the modes EXACT, TANH_APPROXIMATION and SIGMOID_APPROXIMATION, not {mode!r}")


def _linear_activation(x: Tensor, alpha: float, beta: float) -> Tensor:
    return x * alpha + beta


def _scaled_tanh(x: Tensor, alpha: float, beta: float) -> Tensor:
    return alpha * torch.tanh(beta * x)


def _sigmoid(x: Tensor) -> Tensor:
    return torch.sigmoid(x)


def _sigmoid_hard(x: Tensor, alpha: float, beta: float) -> Tensor:
    return torch.clamp(alpha * x + beta, 0.0, 1.0)


def _silu(x: Tensor) -> Tensor:
    return F.silu(x)


def _softplus(x: Tensor) -> Tensor:
    # PyTorch's own softplus turns linear beyond a threshold; this form is exact everywhere.
    return torch.logaddexp(x, torch.zeros_like(x))


def _softplus_parametric(x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    shape = [1, -1] + [1] * (x.dim() - 2)
    return alpha.reshape(shape) * _softplus(beta.reshape(shape) * x)


def _softsign(x: Tensor) -> Tensor:
    return F.softsign(x)


def _softmax(x: Tensor, axis: int = -1) -> Tensor:
    return torch.softmax(x, axis)


OPERATORS: dict[str, Operator] = {
    "relu": moves(_relu),
    "relu6": moves(_relu6),
    "clamped_relu": Operator(_clamped_relu),
    "leaky_relu": Operator(_leaky_relu),
    "thresholded_relu": moves(_thresholded_relu),
    "prelu": Operator(_prelu),
    "elu": Operator(_elu),
    "gelu": Operator(_gelu),
    "linear_activation": Operator(_linear_activation),
    "scaled_tanh": Operator(_scaled_tanh),
    "sigmoid": Operator(_sigmoid),
    "sigmoid_hard": Operator(_sigmoid_hard),
    "silu": Operator(_silu),
    "softplus": Operator(_softplus),
    "softplus_parametric": Operator(_softplus_parametric),
    "softsign": Operator(_softsign),
    "softmax": Operator(_softmax),
}
