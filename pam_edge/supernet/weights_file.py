"""Safetensors files that nobody vouches for: what a header promises is checked before memory is given to it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pam_edge.errors import CheckpointError

LARGEST_HEADER_BYTES = 16 * 2**20
"""Names, shapes and the training record: some tens of thousands of bytes for the networks that ship."""

DTYPE, _DTYPE_BYTES = "F32", 4

_LENGTH_BYTES = 8
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")

_Size = Annotated[int, Field(ge=0, lt=2**63, strict=True)]
Shapes = Mapping[str, tuple[int, ...]]
"""By name; of tensors that are all float32."""


class Tensor(BaseModel):
    """What a header says of one tensor."""

    model_config = ConfigDict(extra="forbid")

    dtype: str
    shape: tuple[_Size, ...] = Field(max_length=8)
    data_offsets: tuple[_Size, _Size]


class _Header(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Tensor] = Field(init=False)

    metadata: dict[str, str] = Field(default={}, alias="__metadata__")


@dataclass(frozen=True, slots=True)
class Header:
    """The part of a file before its values.

    Attributes:
        content: as it is in the file, length included.
        metadata: texts that the writer put there.
        tensors: what the file says it holds.
    """

    content: bytes
    metadata: dict[str, str]
    tensors: dict[str, Tensor]


def read_header(path: Path, stream: BinaryIO) -> Header:
    """Read a file up to where its values start.

    Raises:
        CheckpointError: if it is a pickle, is cut short, or has a header that is no safetensors header.
    """
    size, start = os.fstat(stream.fileno()).st_size, stream.read(_LENGTH_BYTES + 1)
    # A header of 640 bytes starts like a pickle as well, but its text starts after the length.
    if start.startswith(_PICKLE_STARTS) and not start.endswith(b"{"):
        raise CheckpointError(
            f"{path} is a pickle (torch.save), which can run code when it is read. Expected safetensors: convert it "
            "where you trust it, with pam_edge.supernet.checkpoint.save_checkpoint."
        )
    length = int.from_bytes(start[:_LENGTH_BYTES], "little")
    if len(start) <= _LENGTH_BYTES or length > size - _LENGTH_BYTES:
        raise not_whole(path, "its header is cut short")
    if length > LARGEST_HEADER_BYTES:
        raise CheckpointError(
            f"{path}: expected a header of at most {LARGEST_HEADER_BYTES} bytes, found {length}. Give a checkpoint "
            "that `pam-edge train` wrote."
        )
    content = start + stream.read(length - 1)
    try:
        found = _Header.model_validate(parse_json(content[_LENGTH_BYTES:]))
    except ValueError as error:
        raise not_whole(path, describe(error)) from error
    return Header(content, found.metadata, found.__pydantic_extra__)


def read_values(path: Path, stream: BinaryIO, header: Header, expected: Shapes) -> bytes:
    """Read the rest of a file that holds exactly the expected tensors, and return all of its bytes.

    Raises:
        CheckpointError: if the header names other tensors, or the file is longer or shorter than they are. No more
            of it is then read.
    """
    _check_tensors(path, expected, header.tensors)
    rest = sum(math.prod(shape) for shape in expected.values()) * _DTYPE_BYTES
    size = os.fstat(stream.fileno()).st_size
    if size != len(header.content) + rest:
        raise not_whole(path, f"expected {len(header.content) + rest} bytes, found {size}")
    return header.content + stream.read(rest)


def not_whole(path: Path, found: str) -> CheckpointError:
    """Return the error for a file that is damaged."""
    return CheckpointError(
        f"{path} is not a whole safetensors file ({found}). It may be truncated or of another kind: copy it again."
    )


def parse_json(text: bytes | str) -> Any:
    """Parse JSON that means one thing only.

    Raises:
        ValueError: if it is no JSON, is nested too deeply, holds NaN or infinity, or a key twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def describe(error: ValueError) -> str:
    """Return in a few words what is wrong, first of all."""
    if not isinstance(error, ValidationError):
        return str(error)
    found = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(map(str, found["loc"]))
    return f"{where}: {found['msg']}" if where else str(found["msg"])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("it has a key twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}")


def _check_tensors(path: Path, expected: Shapes, found: Mapping[str, Tensor]) -> None:
    missing, unknown = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    if missing or unknown:
        raise CheckpointError(
            f"{path} does not hold the tensors of its configuration: {len(missing)} missing {missing[:3]}, "
            f"{len(unknown)} unknown {unknown[:3]}. It was written for another network: save it with "
            "pam_edge.supernet.checkpoint.save_checkpoint."
        )
    for name, shape in expected.items():
        tensor = found[name]
        if tensor.shape != shape or tensor.dtype != DTYPE:
            raise CheckpointError(
                f"{path}: expected the tensor {name} to be {DTYPE} {list(shape)}, found {tensor.dtype} "
                f"{list(tensor.shape)}. Save it with pam_edge.supernet.checkpoint.save_checkpoint."
            )
