"""Matrix products and attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from pam_edge.runtimes.coreml.operator import COMPUTED, Operator


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply by the transpose of float32[outputs, inputs] and add a bias."""
    if not x.is_floating_point():
        product = x @ weight.transpose(0, 1)
        return product if bias is None else product + bias
    return F.linear(x, weight.to(x.dtype), None if bias is None else bias.to(x.dtype))


def matmul(x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False) -> Tensor:
    """Multiply matrices in the last two dimensions, each transposed first if asked."""
    common = torch.promote_types(x.dtype, y.dtype)
    x, y = x.to(common), y.to(common)
    x = x.transpose(-2, -1) if transpose_x and x.dim() > 1 else x
    return torch.matmul(x, y.transpose(-2, -1) if transpose_y and y.dim() > 1 else y)


def einsum(values: Sequence[Tensor], equation: str) -> Tensor:
    """Sum products by an equation such as ``nchw,nwhu->nchu``."""
    return torch.einsum(equation, *values)


def attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None) -> Tensor:
    """Weigh values by softmax of scaled products of query and key."""
    return F.scaled_dot_product_attention(query, key, value, attn_mask)


OPERATORS: dict[str, Operator] = {
    "linear": Operator(linear),
    "matmul": Operator(matmul, (COMPUTED,)),
    "einsum": Operator(einsum, ("values",)),
    "scaled_dot_product_attention": Operator(attention, ("query",)),
}
