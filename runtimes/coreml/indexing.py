"""Slices, gathers, scatters and generated tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.coreml.operator import Operator, moves, numbers
from pam_edge.runtimes.coreml.types import DType

Mask = Sequence[bool] | None


def _slices(
    shape: Sequence[int],
    begin: Sequence[int],
    end: Sequence[int],
    stride: Sequence[int] | None,
    begin_mask: Mask,
    end_mask: Mask,
    squeeze_mask: Mask,
) -> list[range]:
    """Return which indices a slice takes in each dimension; a squeezed one takes its first."""
    ranges = []
    for i, size in enumerate(shape):
        step = 1 if stride is None else stride[i]
        start = None if begin_mask and begin_mask[i] else begin[i]
        stop = None if end_mask and end_mask[i] else end[i]
        if squeeze_mask and squeeze_mask[i]:
            start, step = start or 0, 1
            stop = start + 1 or None
        ranges.append(range(size)[slice(start, stop, step)])
    return ranges


def _take(x: Tensor, ranges: Sequence[range]) -> Tensor:
    for dim, indices in enumerate(ranges):
        if indices.step > 0:
            x = x[(slice(None),) * dim + (slice(indices.start, indices.stop, indices.step),)]
        else:
            x = x.index_select(dim, torch.tensor(list(indices), dtype=torch.long))
    return x


def _drop(x: Tensor, squeeze_mask: Mask) -> Tensor:
    dims = tuple(i for i, squeezed in enumerate(squeeze_mask or ()) if squeezed)
    return x.squeeze(dims) if dims else x


def slice_by_index(
    x: Tensor,
    begin: Tensor | Sequence[int],
    end: Tensor | Sequence[int],
    stride: Sequence[int] | None = None,
    begin_mask: Mask = None,
    end_mask: Mask = None,
    squeeze_mask: Mask = None,
) -> Tensor:
    """Slice as numpy does; masked ends are open, squeezed dimensions are indexed and dropped."""
    ranges = _slices(x.shape, numbers(begin), numbers(end), stride, begin_mask, end_mask, squeeze_mask)
    return _drop(_take(x, ranges), squeeze_mask)


def slice_by_size(x: Tensor, begin: Tensor | Sequence[int], size: Tensor | Sequence[int]) -> Tensor:
    """Take ``size`` elements from ``begin`` on; -1 takes all that is left."""
    for dim, (start, count) in enumerate(zip(numbers(begin), numbers(size), strict=True)):
        start = start + x.shape[dim] if start < 0 else start
        x = x.narrow(dim, start, x.shape[dim] - start if count == -1 else count)
    return x


def slice_update(
    x: Tensor,
    update: Tensor,
    begin: Tensor | Sequence[int],
    end: Tensor | Sequence[int],
    stride: Sequence[int] | None = None,
    begin_mask: Mask = None,
    end_mask: Mask = None,
    squeeze_mask: Mask = None,
) -> Tensor:
    """Return a copy in which a slice is replaced."""
    ranges = _slices(x.shape, numbers(begin), numbers(end), stride, begin_mask, end_mask, squeeze_mask)
    result = x.clone()
    index = torch.meshgrid(*(torch.tensor(list(indices), dtype=torch.long) for indices in ranges), indexing="ij")
    result[index] = update.reshape([len(indices) for indices in ranges])
    return result


def _checked(indices: Tensor, size: int, validate_indices: bool | None) -> Tensor:
    """Return indices as int64, counted from the start.

    Up to iOS 16 (``validate_indices`` is None) negative ones count from the end. From iOS 17 on they lie outside, and
    what Core ML computes for indices outside is undefined unless it checks them: both are refused here.

    Raises:
        ArtifactError: if one lies outside.
    """
    index = indices.long()
    if validate_indices is None:
        index = torch.where(index < 0, index + size, index)
    if index.numel() and (int(index.min()) < 0 or int(index.max()) >= size):
        raise ArtifactError(f"expected indices within {size} elements; found {indices.tolist()}")
    return index


def gather(
    x: Tensor, indices: Tensor, axis: int = 0, batch_dims: int = 0, validate_indices: bool | None = None
) -> Tensor:
    """Take slices along a dimension, per item of the leading ``batch_dims`` dimensions."""
    axis %= x.dim()
    index = _checked(indices, x.shape[axis], validate_indices)
    if batch_dims == 0:
        shape = [*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]]
        return x.index_select(axis, index.reshape(-1)).reshape(shape)
    batch = x.shape[:batch_dims]
    items, rows = x.reshape(-1, *x.shape[batch_dims:]), index.reshape(-1, *index.shape[batch_dims:])
    taken = torch.stack(
        [gather(item, row, axis - batch_dims, 0, validate_indices) for item, row in zip(items, rows, strict=True)]
    )
    return taken.reshape(*batch, *taken.shape[1:])


def gather_along_axis(x: Tensor, indices: Tensor, axis: int = 0, validate_indices: bool | None = None) -> Tensor:
    """Take single elements along a dimension."""
    return torch.gather(x, axis, _checked(indices, x.shape[axis], validate_indices))


def gather_nd(x: Tensor, indices: Tensor, batch_dims: int = 0, validate_indices: bool | None = None) -> Tensor:
    """Take slices at index tuples held in the last dimension of ``indices``."""
    if batch_dims == 0:
        return x[_tuples(indices, x.shape, validate_indices)]
    batch = x.shape[:batch_dims]
    items, rows = x.reshape(-1, *x.shape[batch_dims:]), indices.reshape(-1, *indices.shape[batch_dims:])
    taken = torch.stack([gather_nd(item, row, 0, validate_indices) for item, row in zip(items, rows, strict=True)])
    return taken.reshape(*batch, *taken.shape[1:])


def _tuples(indices: Tensor, shape: Sequence[int], validate_indices: bool | None) -> tuple[Tensor, ...]:
    return tuple(_checked(indices[..., i], shape[i], validate_indices) for i in range(indices.shape[-1]))


_UPDATES: dict[str, Callable[..., Any]] = {
    "add": np.add.at,
    "sub": np.subtract.at,
    "mul": np.multiply.at,
    "div": np.divide.at,
    "max": np.maximum.at,
    "min": np.minimum.at,
}


def _scatter(data: Tensor, index: tuple[Any, ...], updates: Tensor, mode: str) -> Tensor:
    result = data.numpy().copy()
    where = tuple(item.numpy() if isinstance(item, Tensor) else item for item in index)
    if mode == "update":
        result[where] = updates.numpy()
    elif mode in _UPDATES:
        _UPDATES[mode](result, where, updates.numpy())
    else:
        raise ArtifactError(f"expected the mode update or one of {', '.join(_UPDATES)}; found {mode!r}")
    return torch.from_numpy(result)


def scatter(
    data: Tensor,
    indices: Tensor,
    updates: Tensor,
    axis: int = 0,
    mode: str = "add",
    validate_indices: bool | None = None,
) -> Tensor:
    """Combine slices along a dimension with updates."""
    axis %= data.dim()
    index = (slice(None),) * axis + (_checked(indices, data.shape[axis], validate_indices),)
    return _scatter(data, index, updates, mode)


def scatter_along_axis(
    data: Tensor,
    indices: Tensor,
    updates: Tensor,
    axis: int = 0,
    mode: str = "add",
    validate_indices: bool | None = None,
) -> Tensor:
    """Combine single elements along a dimension with updates."""
    axis %= data.dim()
    grid = list(torch.meshgrid(*(torch.arange(size) for size in indices.shape), indexing="ij"))
    grid[axis] = _checked(indices, data.shape[axis], validate_indices)
    return _scatter(data, tuple(grid), updates, mode)


def scatter_nd(
    data: Tensor, indices: Tensor, updates: Tensor, mode: str = "add", validate_indices: bool | None = None
) -> Tensor:
    """Combine slices at index tuples with updates."""
    return _scatter(data, _tuples(indices, data.shape, validate_indices), updates, mode)


def fill(shape: Tensor | Sequence[int], value: float = 0.0) -> Tensor:
    """Return a tensor filled with one value."""
    return torch.full(numbers(shape), value)


def fill_like(ref_tensor: Tensor, value: float = 0.0) -> Tensor:
    """Return a tensor of another's shape filled with one value."""
    return torch.full(list(ref_tensor.shape), value)


def range_1d(end: Tensor, start: Tensor, step: Tensor) -> Tensor:
    """Return numbers from ``start`` to before ``end``."""
    first, last, by = start.item(), end.item(), step.item()
    count = max(0, math.ceil((last - first) / by))
    return first + by * torch.arange(count, dtype=torch.float64)


def one_hot(
    indices: Tensor, one_hot_vector_size: Tensor | int, axis: int = -1, on_value: float = 1, off_value: float = 0
) -> Tensor:
    """Return vectors with one marked element, along a new dimension."""
    count = int(one_hot_vector_size)
    hot = indices.unsqueeze(-1) == torch.arange(count)
    return torch.where(hot, on_value, off_value).movedim(-1, axis)


def non_zero(x: Tensor) -> Tensor:
    """Return the indices of elements that are not zero, one row each."""
    return torch.nonzero(x)


OPERATORS: dict[str, Operator] = {
    "slice_by_index": moves(slice_by_index),
    "slice_by_size": moves(slice_by_size),
    "slice_update": moves(slice_update),
    "gather": moves(gather),
    "gather_along_axis": moves(gather_along_axis),
    "gather_nd": moves(gather_nd),
    "scatter": Operator(scatter, ("data",)),
    "scatter_along_axis": Operator(scatter_along_axis, ("data",)),
    "scatter_nd": Operator(scatter_nd, ("data",)),
    "fill": Operator(fill, (None,)),
    "fill_like": Operator(fill_like, (None,)),
    "range_1d": Operator(range_1d, ("end",)),
    "one_hot": Operator(one_hot, (None,)),
    "non_zero": moves(non_zero, DType.INT32),
}
