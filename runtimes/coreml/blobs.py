"""Strict reader of the weight file of an ML program (blob storage, version 2).

The file is a 64-byte header (count of blobs, version) followed by blobs: 64 bytes of metadata (sentinel, element type,
size, offset of the data, unused bits at the end) at a multiple of 64, and data at a multiple of 64. The program refers
to the metadata's offset. Format: coremltools, mlmodel/src/MILBlob/Blob/StorageFormat.hpp.
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.coreml.types import BITS, FLOATS, NUMPY, DType

ALIGNMENT = 64
SENTINEL = 0xDEADBEEF
STORAGE_VERSION = 2
HEADER = struct.Struct("<II")
METADATA = struct.Struct("<IIQQQ")

BLOB_DTYPES: dict[int, DType] = {
    1: DType.FP16,
    2: DType.FP32,
    3: DType.UINT8,
    4: DType.INT8,
    6: DType.INT16,
    7: DType.UINT16,
    8: DType.INT4,
    9: DType.UINT1,
    10: DType.UINT2,
    11: DType.UINT4,
    12: DType.UINT3,
    13: DType.UINT6,
    14: DType.INT32,
    15: DType.UINT32,
}
"""``BlobDataType`` of the storage format (5 is bfloat16, from 16 on 8-bit floats: no operator here takes them)."""


@dataclass(frozen=True, slots=True)
class _Blob:
    dtype: DType | None
    code: int
    size_bytes: int
    start: int
    padding_bits: int


class BlobFile:
    """A weight file, mapped into memory and read blob by blob.

    Raises:
        ArtifactError: if the file is missing, too short, or not of storage version 2.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise ArtifactError(f"Expected the weight file {path.name} in the package; it is missing. Convert again.")
        if path.stat().st_size < ALIGNMENT:
            raise self._damaged(f"a header of {ALIGNMENT} bytes", f"{path.stat().st_size} bytes in all")
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.count, version = HEADER.unpack_from(self._bytes, 0)
        if version != STORAGE_VERSION:
            raise self._damaged(f"storage version {STORAGE_VERSION}", f"version {version}")

    def read(self, offset: int, dtype: DType, shape: tuple[int, ...]) -> np.ndarray:
        """Return the blob whose metadata is at ``offset``.

        Args:
            offset: bytes from the start of the file, as the program states it.
            dtype: the program's declared element type; must be the blob's.
            shape: the program's declared shape; its volume must be the blob's.

        Returns:
            A fresh array of that shape; integers narrower than a byte are unpacked, one per byte.

        Raises:
            ArtifactError: if sentinel, type, size or bounds are not as expected.
        """
        blob = self._metadata(offset)
        if blob.dtype is not dtype:
            found = blob.dtype.value if blob.dtype else f"type code {blob.code}"
            raise self._damaged(f"{dtype.value} at offset {offset}", found)
        count = math.prod(shape)
        bits = count * BITS[dtype]
        if blob.size_bytes != math.ceil(bits / 8):
            raise self._damaged(
                f"{math.ceil(bits / 8)} bytes for {dtype.value}{list(shape)} at offset {offset}",
                f"{blob.size_bytes} bytes",
            )
        if blob.start + blob.size_bytes > len(self._bytes):
            raise self._damaged(
                f"data up to byte {blob.start + blob.size_bytes} for the blob at offset {offset}",
                f"a file of {len(self._bytes)} bytes (truncated?)",
            )
        return unpack(self._bytes[blob.start : blob.start + blob.size_bytes], dtype, count).reshape(shape)

    def _metadata(self, offset: int) -> _Blob:
        if offset % ALIGNMENT or not ALIGNMENT <= offset <= len(self._bytes) - ALIGNMENT:
            raise self._damaged(
                f"a blob at a multiple of {ALIGNMENT} inside the file", f"offset {offset} of {len(self._bytes)} bytes"
            )
        sentinel, code, size_bytes, start, padding_bits = METADATA.unpack_from(self._bytes, offset)
        if sentinel != SENTINEL:
            raise self._damaged(f"the sentinel {SENTINEL:#x} at offset {offset}", f"{sentinel:#x}")
        if start % ALIGNMENT or start < offset + ALIGNMENT:
            raise self._damaged(f"data at a multiple of {ALIGNMENT} after offset {offset}", f"data at {start}")
        return _Blob(BLOB_DTYPES.get(code), code, size_bytes, start, padding_bits)

    def _damaged(self, expected: str, found: str) -> ArtifactError:
        return ArtifactError(f"Expected {expected} in the weight file {self.path.name}; found {found}. Convert again.")


class NaNBlobs:
    """A weight file of which what cannot be read is NaN; for finding out what a damaged file damages."""

    def __init__(self, file: BlobFile | None) -> None:
        self._file = file

    def read(self, offset: int, dtype: DType, shape: tuple[int, ...]) -> np.ndarray:
        """Return what ``BlobFile.read`` does, or NaN (zeros for whole numbers)."""
        try:
            if self._file is not None:
                return self._file.read(offset, dtype, shape)
        except ArtifactError:
            pass
        return np.full(shape, np.nan if dtype in FLOATS else 0, NUMPY[dtype])


def unpack(data: bytes, dtype: DType, count: int) -> np.ndarray:
    """Turn stored bytes into ``count`` elements.

    Integers narrower than a byte are packed from the least significant bit on, and may straddle two bytes.

    Raises:
        ArtifactError: if the number of bytes does not fit.
    """
    bits = BITS[dtype]
    if len(data) != math.ceil(count * bits / 8):
        raise ArtifactError(
            f"Expected {math.ceil(count * bits / 8)} bytes for {count} elements of {dtype.value}; found {len(data)}. "
            "Convert again."
        )
    if bits >= 8:
        return np.frombuffer(data, NUMPY[dtype].newbyteorder("<")).astype(NUMPY[dtype])
    flat = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[: count * bits]
    values = flat.reshape(count, bits) @ (1 << np.arange(bits, dtype=np.uint8))
    if dtype is DType.INT4:
        return (((values.astype(np.int8)) ^ 8) - 8).astype(np.int8)
    return values.astype(np.uint8)
