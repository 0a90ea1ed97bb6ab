"""Elementwise operators: unary, binary, comparisons, logic and choice."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pam_edge.runtimes.coreml.operator import Operator, moves
from pam_edge.runtimes.coreml.types import DType


def _unary(function: Callable[[Tensor], Tensor]) -> Operator:
    def kernel(x: Tensor) -> Tensor:
        return function(x)

    return Operator(kernel)


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return function(x, y)

    return Operator(kernel)


def _compare(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return function(x, y)

    return Operator(kernel, (DType.BOOL,), exact=True)


def _clip(x: Tensor, alpha: float, beta: float) -> Tensor:
    return torch.clamp(x, alpha, beta)


def _threshold(x: Tensor, alpha: float) -> Tensor:
    return torch.clamp(x, min=alpha)


def _log(x: Tensor, epsilon: float = 1e-45) -> Tensor:
    return torch.log(x + epsilon)


def _rsqrt(x: Tensor, epsilon: float = 1e-12) -> Tensor:
    return torch.rsqrt(x + epsilon)


def _inverse(x: Tensor, epsilon: float = 1e-4) -> Tensor:
    return torch.reciprocal(x + epsilon)


def _cast(x: Tensor, dtype: str) -> Tensor:
    """Hand the value on: the executor converts every output to its declared type, which must be ``dtype``."""
    return x


def _select(cond: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return torch.where(cond, a, b)


def _logical_not(x: Tensor) -> Tensor:
    return torch.logical_not(x)


OPERATORS: dict[str, Operator] = {
    "abs": _unary(torch.abs),
    "acos": _unary(torch.acos),
    "asin": _unary(torch.asin),
    "atan": _unary(torch.atan),
    "atanh": _unary(torch.atanh),
    "ceil": _unary(torch.ceil),
    "cos": _unary(torch.cos),
    "cosh": _unary(torch.cosh),
    "erf": _unary(torch.erf),
    "exp": _unary(torch.exp),
    "exp2": _unary(torch.exp2),
    "floor": _unary(torch.floor),
    "round": _unary(torch.round),
    "sign": _unary(torch.sign),
    "sin": _unary(torch.sin),
    "sinh": _unary(torch.sinh),
    "sqrt": _unary(torch.sqrt),
    "square": _unary(torch.square),
    "tan": _unary(torch.tan),
    "tanh": _unary(torch.tanh),
    "clip": Operator(_clip),
    "threshold": Operator(_threshold),
    "log": Operator(_log),
    "rsqrt": Operator(_rsqrt),
    "inverse": Operator(_inverse),
    "cast": Operator(_cast, (None,)),
    "add": _binary(torch.add),
    "sub": _binary(torch.sub),
    "mul": _binary(torch.mul),
    "real_div": _binary(torch.true_divide),
    "floor_div": _binary(torch.floor_divide),
    "mod": _binary(torch.remainder),
    "pow": _binary(torch.pow),
    "maximum": _binary(torch.maximum),
    "minimum": _binary(torch.minimum),
    "equal": _compare(torch.eq),
    "not_equal": _compare(torch.ne),
    "greater": _compare(torch.gt),
    "greater_equal": _compare(torch.ge),
    "less": _compare(torch.lt),
    "less_equal": _compare(torch.le),
    "logical_and": _compare(torch.logical_and),
    "logical_or": _compare(torch.logical_or),
    "logical_xor": _compare(torch.logical_xor),
    "logical_not": moves(_logical_not, DType.BOOL),
    "select": moves(_select, "a"),
}
