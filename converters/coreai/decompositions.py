"""What is taken apart before coreai-torch gets a program: its own table, and what it does not lower."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from coreai_torch import get_decomp_table
from torch import Tensor


def decompositions() -> dict[Any, Callable[..., Any]]:
    """Return what stands in the place of an operator, by operator."""
    table: dict[Any, Callable[..., Any]] = get_decomp_table()
    table[torch.ops.aten.view.default] = _view
    table[torch.ops.aten.avg_pool2d.default] = _avg_pool2d
    return table


def _view(x: Tensor, shape: Sequence[int]) -> Tensor:
    """Squeeze one number out of its dimensions: coreai-torch 0.4.3 makes an invalid reshape of an empty shape."""
    return cast(Tensor, NotImplemented) if shape else x.squeeze()


def _avg_pool2d(
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0, 0),
    ceil: bool = False,
    counts_padding: bool = True,
    divisor: int | None = None,
) -> Tensor:
    """Say the stride, which is the window where a graph says none, and leave padding's zeros out where a graph does.

    coreai-torch 0.4.3 takes no empty stride, and counts padding whatever it is told. A mean without it is the mean
    with it, over the same mean of ones.
    """
    has_padding = any(padding)
    if stride and (counts_padding or not has_padding):
        return cast(Tensor, NotImplemented)

    def mean(values: Tensor) -> Tensor:
        pooled = torch.ops.aten.avg_pool2d.default(values, kernel, stride or kernel, padding, ceil, True, divisor)
        return cast(Tensor, pooled)

    return mean(x) / mean(torch.ones_like(x[:, :1])) if has_padding and not counts_padding else mean(x)
