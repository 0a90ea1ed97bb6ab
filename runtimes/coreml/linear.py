"""Matrix products and attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from pam_edge.runtimes.coreml.operator import Operator


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply by the transpose of float32[outputs, inputs] and add a bias."""
    return F.linear(x, weight, bias)


def matmul(x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False) -> Tensor:
    """Multiply matrices in the last two dimensions, each transposed first if asked."""
    return torch.matmul(x.transpose(-2, -1) if transpose_x else x, y.transpose(-2, -1) if transpose_y else y)


def einsum(values: Sequence[Tensor], equation: str) -> Tensor:
    """Sum products by an equation such as ``nchw,nwhu->nchu``."""
    return torch.einsum(equation, *values)


def attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None) -> Tensor:
    """Weigh values by softmax of scaled products of query and key."""
    return F.scaled_dot_product_attention(query, key, value, attn_mask)


OPERATORS: dict[str, Operator] = {
    "linear": Operator(linear),
    "matmul": Operator(matmul),
    "einsum": Operator(einsum, ("values",)),
    "scaled_dot_product_attention": Operator(attention, ("query",)),
}
