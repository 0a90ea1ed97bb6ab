"""Average, maximum and L2 pooling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.coreml.convolution import Pads, pad_spatial, spatial_pads
from pam_edge.runtimes.coreml.operator import Operator, moves

_MAX: dict[int, Callable[..., Tensor]] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE: dict[int, Callable[..., Tensor]] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def _window(
    x: Tensor,
    kernel_sizes: Sequence[int],
    strides: Sequence[int] | None,
    pad_type: str,
    pad: Sequence[int] | None,
    ceil_mode: bool,
) -> tuple[list[int], Pads, Pads]:
    """Return strides, the padding, and the padding with what ``ceil_mode`` adds behind for a last partial window."""
    rank = x.dim() - 2
    steps = [1] * rank if strides is None else list(strides)
    if len(kernel_sizes) != rank or len(steps) != rank:
        raise ArtifactError(f"expected {rank} kernel sizes and strides; found {list(kernel_sizes)} and {steps}")
    pads = spatial_pads(pad_type, pad, x.shape[2:], kernel_sizes, steps)
    if not ceil_mode:
        return steps, pads, pads
    rows = zip(x.shape[2:], pads, kernel_sizes, steps, strict=True)
    return steps, pads, [(before, after + _overhang(n, before, after, k, s)) for n, (before, after), k, s in rows]


def _overhang(size: int, before: int, after: int, kernel: int, stride: int) -> int:
    """Return by how much the last window of ceil mode reaches over the padded input, at least 0."""
    if before != after:
        raise ArtifactError(f"expected symmetric padding with ceil_mode; found {before} and {after}")
    count = -(-(size + before + after - kernel) // stride) + 1
    if (count - 1) * stride >= size + before and before + after > 0:
        count -= 1
    return max(0, (count - 1) * stride + kernel - (size + before + after))


def max_pool(
    x: Tensor,
    kernel_sizes: Sequence[int],
    pad_type: str,
    strides: Sequence[int] | None = None,
    pad: Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Take the maximum of each window; padding never wins."""
    steps, _, pads = _window(x, kernel_sizes, strides, pad_type, pad, ceil_mode)
    kernel = list(kernel_sizes)
    if all(before == after and 2 * before <= k for (before, after), k in zip(pads, kernel, strict=True)):
        return _MAX[x.dim() - 2](x, kernel, steps, [before for before, _ in pads])
    return _MAX[x.dim() - 2](pad_spatial(x, pads, -math.inf), kernel, steps)


def avg_pool(
    x: Tensor,
    kernel_sizes: Sequence[int],
    pad_type: str,
    strides: Sequence[int] | None = None,
    pad: Sequence[int] | None = None,
    exclude_padding_from_average: bool = False,
    ceil_mode: bool = False,
) -> Tensor:
    """Average each window over the input and, unless excluded, its padding of zeros (never over ceil mode's excess)."""
    steps, pads, all_pads = _window(x, kernel_sizes, strides, pad_type, pad, ceil_mode)
    pool, kernel = _AVERAGE[x.dim() - 2], list(kernel_sizes)
    mean = pool(pad_spatial(x, all_pads), kernel, steps)
    if pads == all_pads and (not exclude_padding_from_average or not any(map(any, pads))):
        return mean
    counted = torch.ones((1, 1, *x.shape[2:]))
    if not exclude_padding_from_average:
        counted = pad_spatial(counted, pads, 1.0)
        all_pads = [(0, more - after) for (_, after), (_, more) in zip(pads, all_pads, strict=True)]
    return mean / pool(pad_spatial(counted, all_pads), kernel, steps)


def l2_pool(
    x: Tensor,
    kernel_sizes: Sequence[int],
    pad_type: str,
    strides: Sequence[int] | None = None,
    pad: Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Take the root of the sum of squares of each window."""
    steps, _, pads = _window(x, kernel_sizes, strides, pad_type, pad, ceil_mode)
    mean = _AVERAGE[x.dim() - 2](pad_spatial(x * x, pads), list(kernel_sizes), steps)
    return torch.sqrt(mean * math.prod(kernel_sizes))


OPERATORS: dict[str, Operator] = {
    "avg_pool": Operator(avg_pool),
    "l2_pool": Operator(l2_pool),
    "max_pool": moves(max_pool),
}
