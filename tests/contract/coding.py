"""How cases hold arrays: JSON objects of shape and base64, which every platform reads without a library."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def encode(array: NDArray[Any]) -> dict[str, Any]:
    """Write an array of bytes, or of float32, little-endian, row by row."""
    kind = "u8" if array.dtype == np.uint8 else "f32"
    data = array if kind == "u8" else array.astype("<f4")
    return {"shape": list(array.shape), kind: base64_of(np.ascontiguousarray(data).tobytes())}


def decode(record: dict[str, Any]) -> NDArray[Any]:
    kind = "u8" if "u8" in record else "f32"
    data = base64.b64decode(record[kind])
    return np.frombuffer(data, np.uint8 if kind == "u8" else "<f4").reshape(record["shape"])
