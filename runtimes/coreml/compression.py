"""Compressed constants (``constexpr_*``) and quantised activations.

iOS 16 forms carry bit-packed bytes and a ``shape``; iOS 18 forms carry tensors of narrow integers, which the blob
reader has unpacked. The result is rounded to its declared type once, after arithmetic in float32.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.coreml.operator import Operator, Result, moves


def _along(vector: Tensor | float, rank: int, axis: int) -> Tensor:
    """Reshape a scalar or a vector so that it broadcasts along ``axis``."""
    values = torch.as_tensor(vector, dtype=torch.float32)
    shape = [1] * rank
    if values.dim():
        shape[axis] = -1
    return values.reshape(shape)


def affine_dequantize(quantized_data: Tensor, zero_point: Tensor | float, scale: Tensor | float, axis: int) -> Tensor:
    """Return ``scale * (data - zero_point)``, per tensor or per slice along ``axis``."""
    rank = quantized_data.dim()
    return _along(scale, rank, axis) * (quantized_data.to(torch.float32) - _along(zero_point, rank, axis))


def quantize(
    input: Tensor, scale: Tensor, output_dtype: str, zero_point: Tensor | None = None, axis: int = 0
) -> Tensor:
    """Return ``clip(round(input / scale) + zero_point)`` in the range of ``output_dtype``."""
    low, high = (0, 255) if output_dtype == "uint8" else (-128, 127)
    offset = torch.zeros(()) if zero_point is None else _along(zero_point, input.dim(), axis)
    return torch.clamp(torch.round(input / _along(scale, input.dim(), axis)) + offset, low, high)


def dequantize(input: Tensor, scale: Tensor, zero_point: Tensor | None = None, axis: int = 0) -> Tensor:
    """Return ``scale * (input - zero_point)``."""
    return affine_dequantize(input, 0.0 if zero_point is None else zero_point, scale, axis)


def cast(source_val: Tensor, output_dtype: str) -> Tensor:
    """Widen float16 constants to float32."""
    return source_val


def lut_to_dense(
    indices: Tensor, lut: Tensor, shape: list[int] | None = None, vector_axis: int | None = None
) -> Tensor:
    """Look constants up in one table (iOS 16) or in a table per block, of scalars or vectors (iOS 18)."""
    if shape is not None:
        bits = int(lut.numel()).bit_length() - 1
        return lut[_unpack_bits(indices, bits, int(np.prod(shape))).long()].reshape(shape)
    return _block_lookup(indices, lut, vector_axis)


def _unpack_bits(packed: Tensor, bits: int, count: int) -> Tensor:
    flat = np.unpackbits(packed.numpy(), bitorder="little")[: bits * count]
    if flat.size != bits * count:
        raise ArtifactError(f"expected {count} indices of {bits} bits; found {packed.numel()} bytes")
    return torch.from_numpy(flat.reshape(count, bits).astype(np.int64) @ (1 << np.arange(bits, dtype=np.int64)))


def _block_lookup(indices: Tensor, lut: Tensor, vector_axis: int | None) -> Tensor:
    """Look up float[..., entries, vector] by the block that an index lies in and its value."""
    rank = indices.dim()
    if lut.dim() != rank + 2 or any(n % blocks for n, blocks in zip(indices.shape, lut.shape, strict=False)):
        raise ArtifactError(f"expected tables that divide {list(indices.shape)}; found {list(lut.shape)}")
    places = torch.meshgrid(*(torch.arange(n) for n in indices.shape), indexing="ij")
    blocks = [place // (n // m) for place, n, m in zip(places, indices.shape, lut.shape[:rank], strict=True)]
    vectors = lut[(*blocks, indices.long())]
    if lut.shape[-1] == 1:
        return vectors.squeeze(-1)
    if vector_axis is None:
        raise ArtifactError("expected a vector_axis for a table of vectors; found none")
    axis = vector_axis % rank
    return vectors.movedim(-1, axis + 1).flatten(axis, axis + 1)


def sparse_to_dense(nonzero_data: Tensor, mask: Tensor, shape: list[int] | None = None) -> Tensor:
    """Spread values over the set bits of a mask; all else is zero."""
    bits = mask if shape is None else _unpack_bits(mask, 1, int(np.prod(shape))).reshape(shape)
    chosen = bits != 0
    if int(chosen.sum()) != nonzero_data.numel():
        raise ArtifactError(f"expected {int(chosen.sum())} values for the mask; found {nonzero_data.numel()}")
    dense = torch.zeros(bits.shape, dtype=nonzero_data.dtype)
    dense[chosen] = nonzero_data.reshape(-1)
    return dense


def blockwise_shift_scale(data: Tensor, scale: Tensor, offset: Tensor | None = None) -> Tensor:
    """Return ``scale * (data - offset)`` with one scale and offset per block."""
    values = data.to(torch.float32)
    if offset is not None:
        values = values - _spread(offset.to(torch.float32), data)
    return _spread(scale, data) * values


def _spread(blocks: Tensor, data: Tensor) -> Tensor:
    if blocks.dim() != data.dim() or any(n % m for n, m in zip(data.shape, blocks.shape, strict=True)):
        raise ArtifactError(f"expected blocks that divide {list(data.shape)}; found {list(blocks.shape)}")
    for dim, size in enumerate(data.shape):
        blocks = blocks.repeat_interleave(size // blocks.shape[dim], dim)
    return blocks


def lut_to_sparse(
    indices_mask: Tensor, indices_nonzero_data: Tensor, lut: Tensor, vector_axis: int | None = None
) -> Result:
    """Look up the values of a sparse tensor; return its mask, widened by vectors, and the values."""
    dense = _block_lookup(sparse_to_dense(indices_nonzero_data, indices_mask), lut, vector_axis)
    mask = indices_mask
    if lut.shape[-1] > 1 and vector_axis is not None:
        mask = mask.repeat_interleave(lut.shape[-1], vector_axis)
    return mask, dense[mask != 0]


def sparse_blockwise_shift_scale(
    data_mask: Tensor, nonzero_data: Tensor, scale: Tensor, offset: Tensor | None = None
) -> Result:
    """Shift and scale the values of a sparse tensor; return its mask and the values."""
    dense = blockwise_shift_scale(sparse_to_dense(nonzero_data, data_mask), scale, offset)
    return data_mask, dense[data_mask != 0]


OPERATORS: dict[str, Operator] = {
    "constexpr_affine_dequantize": Operator(affine_dequantize, ("scale",)),
    "constexpr_cast": Operator(cast, (None,)),
    "constexpr_lut_to_dense": moves(lut_to_dense, "lut"),
    "constexpr_sparse_to_dense": moves(sparse_to_dense, "nonzero_data"),
    "constexpr_blockwise_shift_scale": Operator(blockwise_shift_scale, ("scale",)),
    "constexpr_lut_to_sparse": moves(lut_to_sparse, "indices_mask", "lut"),
    "constexpr_sparse_blockwise_shift_scale": Operator(sparse_blockwise_shift_scale, ("data_mask", "scale")),
    "quantize": Operator(quantize, (None,)),
    "dequantize": Operator(dequantize, ("scale",)),
}
