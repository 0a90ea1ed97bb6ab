"""Operators that change a tensor's shape or arrangement without touching values."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.coreml.operator import Operator, moves, numbers
from pam_edge.runtimes.coreml.types import DType


def identity(x: Tensor) -> Tensor:
    """Return the input."""
    return x


def reshape(x: Tensor, shape: Tensor | Sequence[int]) -> Tensor:
    """Reshape; 0 keeps the size of the dimension as far from the end (1 if there is none), -1 takes what is left."""
    wanted = numbers(shape)
    if x.numel() == 0:
        return x.reshape(wanted)
    kept = [1] * max(0, len(wanted) - x.dim()) + list(x.shape[max(0, x.dim() - len(wanted)) :])
    return x.reshape([size or keep for size, keep in zip(wanted, kept, strict=True)])


def reshape_like(
    x: Tensor,
    ref_tensors: Sequence[Tensor],
    begins: Sequence[Tensor],
    ends: Sequence[Tensor],
    end_masks: Sequence[Tensor],
) -> Tensor:
    """Reshape to parts of the shapes of other tensors, one after the other."""
    shape: list[int] = []
    for tensor, begin, end, to_end in zip(ref_tensors, begins, ends, end_masks, strict=True):
        shape += tensor.shape[int(begin) :] if bool(to_end) else tensor.shape[int(begin) : int(end)]
    return x.reshape(shape)


def transpose(x: Tensor, perm: Sequence[int]) -> Tensor:
    """Permute dimensions."""
    return x.permute(list(perm)).contiguous()


def expand_dims(x: Tensor, axes: Sequence[int]) -> Tensor:
    """Insert dimensions of size 1; axes count in the result."""
    for axis in sorted(axis % (x.dim() + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


def squeeze(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Drop dimensions of size 1: the given ones, or all."""
    if axes is None:
        return x.squeeze()
    if any(x.shape[axis] != 1 for axis in axes):
        raise ArtifactError(f"expected size 1 at dimensions {list(axes)}; found shape {list(x.shape)}")
    return x.squeeze(tuple(axes))


def flatten2d(x: Tensor, axis: int = 1) -> Tensor:
    """Flatten to two dimensions, split at ``axis``."""
    rows = 1
    for size in x.shape[:axis]:
        rows *= size
    return x.reshape(rows, -1)


def shape_of(x: Tensor) -> Tensor:
    """Return the sizes as integers."""
    return torch.tensor(list(x.shape), dtype=torch.int32)


def concat(values: Sequence[Tensor], axis: int, interleave: bool = False) -> Tensor:
    """Join along a dimension, in blocks or element by element."""
    if values[0].dim() == 0:
        return torch.stack(list(values))
    if not interleave:
        return torch.cat(list(values), axis)
    axis %= values[0].dim()
    return torch.stack(list(values), axis + 1).flatten(axis, axis + 1)


def stack(values: Sequence[Tensor], axis: int) -> Tensor:
    """Join along a new dimension."""
    return torch.stack(list(values), axis)


def split(
    x: Tensor, axis: int, num_splits: int | None = None, split_sizes: Sequence[int] | None = None
) -> tuple[Tensor, ...]:
    """Split along a dimension into equal parts or parts of given sizes."""
    if split_sizes is not None:
        return tuple(torch.split(x, list(split_sizes), axis))
    if num_splits is None or x.shape[axis] % num_splits:
        raise ArtifactError(f"expected {x.shape[axis]} elements to split evenly into {num_splits} parts")
    return tuple(torch.split(x, x.shape[axis] // num_splits, axis))


def tile(x: Tensor, reps: Tensor | Sequence[int]) -> Tensor:
    """Repeat along each dimension."""
    return x.repeat(numbers(reps))


def reverse(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Reverse the order along dimensions, all by default."""
    return x.flip(list(range(x.dim())) if axes is None else list(axes))


def reverse_sequence(x: Tensor, lengths: Tensor, seq_axis: int = 0, batch_axis: int = 0) -> Tensor:
    """Reverse the first ``lengths[i]`` elements along ``seq_axis`` of each slice ``i`` along ``batch_axis``."""
    moved = x.movedim((batch_axis, seq_axis), (0, 1)).clone()
    for row, length in zip(moved, numbers(lengths), strict=True):
        row[:length] = row[:length].flip(0)
    return moved.movedim((0, 1), (batch_axis, seq_axis)).contiguous()


def pad(x: Tensor, pad: Tensor | Sequence[int], mode: str = "constant", constant_val: float = 0.0) -> Tensor:
    """Pad the last dimensions with a constant, the mirrored inside, or the border."""
    sizes = numbers(pad)
    pairs = [(sizes[i], sizes[i + 1]) for i in range(0, len(sizes), 2)]
    if mode == "constant":
        return F.pad(x, [size for pair in reversed(pairs) for size in pair], value=constant_val)
    if mode not in ("reflect", "replicate"):
        raise ArtifactError(f"expected the mode constant, reflect or replicate; found {mode!r}")
    for dim, (before, after) in enumerate(pairs, x.dim() - len(pairs)):
        x = x.index_select(dim, _border(x.shape[dim], before, after, mode)) if before or after else x
    return x


def _border(size: int, before: int, after: int, mode: str) -> Tensor:
    index = torch.arange(-before, size + after)
    if mode == "replicate":
        return index.clamp(0, size - 1)
    if max(before, after) >= size:
        raise ArtifactError(f"expected reflection by less than {size} elements; found {before} and {after}")
    return (size - 1) - ((size - 1) - index.abs()).abs()


def pixel_shuffle(x: Tensor, upscale_factor: int) -> Tensor:
    """Move channels into space; the channels of one output channel are neighbours."""
    return F.pixel_shuffle(x, upscale_factor)


def pixel_unshuffle(x: Tensor, downscale_factor: int) -> Tensor:
    """Move space into channels; inverse of ``pixel_shuffle``."""
    return F.pixel_unshuffle(x, downscale_factor)


def depth_to_space(x: Tensor, block_size: int) -> Tensor:
    """Move channels into space; the output channel varies fastest (unlike ``pixel_shuffle``)."""
    n, c, h, w = x.shape
    blocks = x.reshape(n, block_size, block_size, c // block_size**2, h, w)
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(n, c // block_size**2, h * block_size, w * block_size)


def space_to_depth(x: Tensor, block_size: int) -> Tensor:
    """Move space into channels; inverse of ``depth_to_space``."""
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // block_size, block_size, w // block_size, block_size)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(n, c * block_size**2, h // block_size, w // block_size)


def space_to_batch(x: Tensor, block_shape: Sequence[int], paddings: Sequence[Sequence[int]]) -> Tensor:
    """Pad, then move blocks of space into the batch; the position in the block varies slowest."""
    (top, bottom), (left, right) = paddings
    x = F.pad(x, [left, right, top, bottom])
    (n, c, h, w), (bh, bw) = x.shape, block_shape
    return x.reshape(n, c, h // bh, bh, w // bw, bw).permute(3, 5, 0, 1, 2, 4).reshape(-1, c, h // bh, w // bw)


def batch_to_space(x: Tensor, block_shape: Sequence[int], crops: Sequence[Sequence[int]]) -> Tensor:
    """Move the batch into blocks of space, then crop; inverse of ``space_to_batch``."""
    (top, bottom), (left, right) = crops
    (n, c, h, w), (bh, bw) = x.shape, block_shape
    x = x.reshape(bh, bw, n // (bh * bw), c, h, w).permute(2, 3, 4, 0, 5, 1).reshape(-1, c, h * bh, w * bw)
    return x[:, :, top : h * bh - bottom, left : w * bw - right]


def sliding_windows(x: Tensor, axis: int, size: int, stride: int = 1) -> Tensor:
    """Return all windows along a dimension; the place in the window becomes the dimension after it."""
    axis %= x.dim()
    return x.unfold(axis, size, stride).movedim(-1, axis + 1).contiguous()


def band_part(x: Tensor, lower: int = -1, upper: int = -1) -> Tensor:
    """Keep a band around the diagonal of the last two dimensions."""
    row, column = torch.arange(x.shape[-2])[:, None], torch.arange(x.shape[-1])[None, :]
    keep = torch.ones(x.shape[-2:], dtype=torch.bool)
    if lower >= 0:
        keep &= row - column <= lower
    if upper >= 0:
        keep &= column - row <= upper
    return torch.where(keep, x, torch.zeros_like(x))


OPERATORS: dict[str, Operator] = {
    "identity": moves(identity),
    "reshape": moves(reshape),
    "reshape_like": moves(reshape_like),
    "transpose": moves(transpose),
    "expand_dims": moves(expand_dims),
    "squeeze": moves(squeeze),
    "flatten2d": moves(flatten2d),
    "shape": moves(shape_of, DType.INT32),
    "concat": moves(concat, "values"),
    "stack": moves(stack, "values"),
    "split": moves(split),
    "tile": moves(tile),
    "reverse": moves(reverse),
    "reverse_sequence": moves(reverse_sequence),
    "pad": moves(pad),
    "pixel_shuffle": moves(pixel_shuffle),
    "pixel_unshuffle": moves(pixel_unshuffle),
    "depth_to_space": moves(depth_to_space),
    "space_to_depth": moves(space_to_depth),
    "space_to_batch": moves(space_to_batch),
    "batch_to_space": moves(batch_to_space),
    "sliding_windows": moves(sliding_windows),
    "band_part": moves(band_part),
}
