"""Types of values in an ML program, and how this runtime holds them.

Floats of 16 bits are held as float32 tensors whose values are all representable in 16 bits: the executor rounds after
every operation. That is what a float16 store does to a value, and it spares each consumer a conversion.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pam_edge.errors import ArtifactError


class DType(enum.Enum):
    """Element types of ML programs; the value is the name that MIL's ``cast`` uses."""

    BOOL = "bool"
    STRING = "string"
    FP16 = "fp16"
    FP32 = "fp32"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    INT4 = "int4"
    UINT1 = "uint1"
    UINT2 = "uint2"
    UINT3 = "uint3"
    UINT4 = "uint4"
    UINT6 = "uint6"


PROTO_DTYPES: dict[str, DType] = {
    "BOOL": DType.BOOL,
    "STRING": DType.STRING,
    "FLOAT16": DType.FP16,
    "FLOAT32": DType.FP32,
    **{name: DType[name] for name in ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32")},
    **{name: DType[name] for name in ("INT4", "UINT1", "UINT2", "UINT3", "UINT4", "UINT6")},
}
"""Names of the protobuf enumeration ``MILSpec.DataType``."""

FLOATS = frozenset({DType.FP16, DType.FP32})

BITS: dict[DType, int] = {
    DType.BOOL: 8,
    DType.FP16: 16,
    DType.FP32: 32,
    DType.INT8: 8,
    DType.INT16: 16,
    DType.INT32: 32,
    DType.INT64: 64,
    DType.UINT8: 8,
    DType.UINT16: 16,
    DType.UINT32: 32,
    DType.INT4: 4,
    DType.UINT1: 1,
    DType.UINT2: 2,
    DType.UINT3: 3,
    DType.UINT4: 4,
    DType.UINT6: 6,
}

HELD: dict[DType, torch.dtype] = {
    DType.BOOL: torch.bool,
    DType.FP16: torch.float32,
    DType.FP32: torch.float32,
    DType.INT8: torch.int8,
    DType.INT16: torch.int16,
    DType.INT32: torch.int32,
    DType.INT64: torch.int64,
    DType.UINT8: torch.uint8,
    # PyTorch has few kernels for unsigned integers wider than a byte; the next wider signed type holds all values.
    DType.UINT16: torch.int32,
    DType.UINT32: torch.int64,
    DType.INT4: torch.int8,
    DType.UINT1: torch.uint8,
    DType.UINT2: torch.uint8,
    DType.UINT3: torch.uint8,
    DType.UINT4: torch.uint8,
    DType.UINT6: torch.uint8,
}

NUMPY: dict[DType, np.dtype[np.generic]] = {
    dtype: np.dtype(name)
    for dtype, name in {
        DType.BOOL: "bool",
        DType.FP16: "float16",
        DType.FP32: "float32",
        DType.INT8: "int8",
        DType.INT16: "int16",
        DType.INT32: "int32",
        DType.INT64: "int64",
        DType.UINT8: "uint8",
        DType.UINT16: "uint16",
        DType.UINT32: "uint32",
        DType.INT4: "int8",
        DType.UINT1: "uint8",
        DType.UINT2: "uint8",
        DType.UINT3: "uint8",
        DType.UINT4: "uint8",
        DType.UINT6: "uint8",
    }.items()
}
"""Array types; integers narrower than a byte are unpacked, one per byte."""


@dataclass(frozen=True, slots=True)
class TensorType:
    """Declared type of a value.

    Attributes:
        dtype: type of the elements.
        shape: sizes, None for one known only at run time; None altogether if even the rank is unknown.
    """

    dtype: DType
    shape: tuple[int | None, ...] | None

    def accepts(self, shape: tuple[int, ...]) -> bool:
        """Tell whether a value of this shape fits the declaration."""
        if self.shape is None:
            return True
        return len(self.shape) == len(shape) and all(
            d is None or d == s for d, s in zip(self.shape, shape, strict=True)
        )

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.dtype.value}[...]"
        return f"{self.dtype.value}[{', '.join('?' if d is None else str(d) for d in self.shape)}]"


def enum_name(message: Any, field: str) -> str:
    """Return the name of an enumeration's value in a protobuf message; one without a name here as its number."""
    number = getattr(message, field)
    known = type(message).DESCRIPTOR.fields_by_name[field].enum_type.values_by_number.get(number)
    return known.name if known else f"number {number}"


def dtype_of_proto(name: str, place: str) -> DType:
    """Return the element type with this name in the protobuf enumeration.

    Raises:
        ArtifactError: if ML programs that this runtime reads have no such type.
    """
    if name not in PROTO_DTYPES:
        known = ", ".join(PROTO_DTYPES)
        raise ArtifactError(f"Expected one of the element types {known} at {place}; found {name}. Convert again.")
    return PROTO_DTYPES[name]


def hold(array: np.ndarray) -> torch.Tensor:
    """Return an array as the tensor that the executor works with (float16 becomes float32, others share memory)."""
    if array.dtype == np.float16:
        return torch.from_numpy(array.astype(np.float32))
    if array.dtype == np.uint16:
        return torch.from_numpy(array.astype(np.int32))
    if array.dtype == np.uint32:
        return torch.from_numpy(array.astype(np.int64))
    return torch.from_numpy(array)


def round_to_float16(x: torch.Tensor) -> torch.Tensor:
    """Round float32 values to the nearest float16 value, still held as float32; too large ones become infinite."""
    return x.to(torch.float16).to(torch.float32)
