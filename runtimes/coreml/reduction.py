"""Reductions, cumulative sums and orderings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pam_edge.runtimes.coreml.operator import Operator, Result, moves
from pam_edge.runtimes.coreml.types import DType


def _reduction(function: Callable[[Tensor, list[int], bool], Tensor], *, exact: bool = False) -> Operator:
    def kernel(x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
        dims = list(range(x.dim())) if axes is None else list(axes)
        return function(x, dims, keep_dims) if x.dim() else function(x.reshape(1), [0], False)

    return Operator(kernel, exact=exact)


def _sum(x: Tensor, dims: list[int], keep: bool) -> Tensor:
    return torch.sum(x, dims, keep)


def _mean(x: Tensor, dims: list[int], keep: bool) -> Tensor:
    # Integers have no mean of their own type; the executor truncates back.
    return torch.mean(x if x.is_floating_point() else x.to(torch.float64), dims, keep)


def _max(x: Tensor, dims: list[int], keep: bool) -> Tensor:
    return torch.amax(x, dims, keep)


def _min(x: Tensor, dims: list[int], keep: bool) -> Tensor:
    return torch.amin(x, dims, keep)


def _prod(x: Tensor, dims: list[int], keep: bool) -> Tensor:
    for dim in sorted((d % x.dim() for d in dims), reverse=True):
        x = torch.prod(x, dim, keep)
    return x


def _l1(x: Tensor, dims: list[int], keep: bool) -> Tensor:
    return torch.sum(torch.abs(x), dims, keep)


def _l2(x: Tensor, dims: list[int], keep: bool) -> Tensor:
    return torch.sqrt(torch.sum(x * x, dims, keep))


def _log_sum(x: Tensor, dims: list[int], keep: bool) -> Tensor:
    return torch.log(torch.sum(x, dims, keep))


def _log_sum_exp(x: Tensor, dims: list[int], keep: bool) -> Tensor:
    return torch.logsumexp(x.to(torch.float32), dims, keep)


def _sum_square(x: Tensor, dims: list[int], keep: bool) -> Tensor:
    return torch.sum(x * x, dims, keep)


def reduce_argmax(x: Tensor, axis: int = -1, keep_dims: bool = False, output_dtype: str = "int32") -> Tensor:
    """Return where the first maximum is."""
    return torch.argmax(x, axis, keep_dims)


def reduce_argmin(x: Tensor, axis: int = -1, keep_dims: bool = False, output_dtype: str = "int32") -> Tensor:
    """Return where the first minimum is."""
    return torch.argmin(x, axis, keep_dims)


def cumsum(x: Tensor, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Tensor:
    """Add up along a dimension, from either end, with or without the element itself."""
    y = x.flip(axis) if reverse else x
    total = torch.cumsum(y, axis)
    total = total - y if exclusive else total
    return total.flip(axis) if reverse else total


def argsort(x: Tensor, axis: int = -1, ascending: bool = False) -> Tensor:
    """Return the order of elements; equal ones keep theirs."""
    return torch.sort(x, dim=axis, descending=not ascending, stable=True)[1]


def topk(
    x: Tensor,
    k: int = 1,
    axis: int = -1,
    ascending: bool = False,
    sort: bool = True,
    return_indices: bool = True,
    output_indices_dtype: str = "int32",
) -> Result:
    """Return the ``k`` largest (or smallest) elements in order, and where they were."""
    count = k if k >= 0 else x.shape[axis]
    values, indices = torch.sort(x, dim=axis, descending=not ascending, stable=True)
    values, indices = values.narrow(axis, 0, count), indices.narrow(axis, 0, count)
    return (values, indices) if return_indices else (values,)


OPERATORS: dict[str, Operator] = {
    "reduce_sum": _reduction(_sum),
    "reduce_mean": _reduction(_mean),
    "reduce_max": _reduction(_max, exact=True),
    "reduce_min": _reduction(_min, exact=True),
    "reduce_prod": _reduction(_prod),
    "reduce_l1_norm": _reduction(_l1),
    "reduce_l2_norm": _reduction(_l2),
    "reduce_log_sum": _reduction(_log_sum),
    "reduce_log_sum_exp": _reduction(_log_sum_exp),
    "reduce_sum_square": _reduction(_sum_square),
    "reduce_argmax": moves(reduce_argmax, None),
    "reduce_argmin": moves(reduce_argmin, None),
    "cumsum": Operator(cumsum),
    "argsort": moves(argsort, DType.INT32),
    "topk": moves(topk, "x", None),
}
