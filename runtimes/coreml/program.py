"""An ML program as plain records, parsed from the protobuf that Core ML reads.

Nothing is interpreted here beyond the format itself: names are strings, constants are arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pam_edge.errors import ArtifactError, UnsupportedOpError
from pam_edge.runtimes.coreml.blobs import unpack
from pam_edge.runtimes.coreml.types import NUMPY, DType, TensorType, dtype_of_proto, enum_name

Proto = Any
"""A message of coremltools' generated protobuf classes, which carry no types."""


class Blobs(Protocol):
    """A weight file."""

    def read(self, offset: int, dtype: DType, shape: tuple[int, ...]) -> np.ndarray:
        """Return the blob at an offset."""
        ...


OpenBlobs = Callable[[str], Blobs]
"""Returns the weight file of this name in the package."""

MODEL_PATH = "@model_path/"


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written in the program or its weight file.

    Attributes:
        type: as declared.
        data: array of the declared shape (strings: an array of objects).
        key: weight file and offset, the same for constants that share storage; None for those in the program itself.
    """

    type: TensorType
    data: np.ndarray
    key: tuple[str, int] | None = None


Binding = str | Constant
"""An argument of an operation: the name of a value, or a literal."""


@dataclass(frozen=True, slots=True)
class NamedType:
    """A declared name with its type."""

    name: str
    type: TensorType


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its kind (``conv``), arguments by parameter, outputs, and nested blocks of control flow."""

    kind: str
    inputs: dict[str, tuple[Binding, ...]]
    outputs: tuple[NamedType, ...]
    attributes: dict[str, Constant]
    blocks: tuple[Block, ...]

    @property
    def label(self) -> str:
        """Name the operation in messages: kind and first output."""
        return f"{self.kind} '{self.outputs[0].name}'" if self.outputs else self.kind


@dataclass(frozen=True, slots=True)
class Block:
    """Operations in order, what enters (loops only) and the names that leave."""

    inputs: tuple[NamedType, ...]
    outputs: tuple[str, ...]
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A named entry point of the program, with its operator set such as ``CoreML6`` (iOS 16)."""

    name: str
    opset: str
    inputs: tuple[NamedType, ...]
    block: Block


def parse_functions(program: Proto, open_blobs: OpenBlobs) -> dict[str, Function]:
    """Parse every function of a ``MILSpec.Program``.

    Raises:
        ArtifactError: if the program or a weight blob is malformed.
        UnsupportedOpError: if a value is of a kind that is no tensor (lists, dictionaries, states).
    """
    functions = {name: _function(name, program.functions[name], open_blobs) for name in sorted(program.functions)}
    if not functions:
        raise ArtifactError("Expected an ML program with at least one function; found none. Convert again.")
    return functions


def _function(name: str, proto: Proto, open_blobs: OpenBlobs) -> Function:
    if proto.opset not in proto.block_specializations:
        raise ArtifactError(
            f"Expected function '{name}' to have a block for its operator set {proto.opset!r}; found "
            f"{sorted(proto.block_specializations)}. Convert again."
        )
    place = f"function '{name}'"
    inputs = tuple(_named_type(item, place) for item in proto.inputs)
    return Function(name, proto.opset, inputs, _block(proto.block_specializations[proto.opset], open_blobs, place))


def _block(proto: Proto, open_blobs: OpenBlobs, place: str) -> Block:
    return Block(
        tuple(_named_type(item, place) for item in proto.inputs),
        tuple(proto.outputs),
        tuple(_operation(item, open_blobs, place) for item in proto.operations),
    )


def _operation(proto: Proto, open_blobs: OpenBlobs, outer: str) -> Operation:
    name = f"'{proto.outputs[0].name}' " if proto.outputs else ""
    place = f"{proto.type} {name}in {outer}"
    return Operation(
        proto.type,
        {key: tuple(_binding(item, open_blobs, place) for item in proto.inputs[key].arguments) for key in proto.inputs},
        tuple(_named_type(item, place) for item in proto.outputs),
        {key: parse_value(proto.attributes[key], open_blobs, place) for key in proto.attributes if key != "name"},
        tuple(_block(item, open_blobs, place) for item in proto.blocks),
    )


def _binding(proto: Proto, open_blobs: OpenBlobs, place: str) -> Binding:
    if proto.WhichOneof("binding") == "name":
        return str(proto.name)
    return parse_value(proto.value, open_blobs, place)


def _named_type(proto: Proto, place: str) -> NamedType:
    return NamedType(proto.name, parse_type(proto.type, f"'{proto.name}', {place}"))


def parse_type(proto: Proto, place: str) -> TensorType:
    """Parse a ``MILSpec.ValueType`` that must be a tensor.

    Raises:
        UnsupportedOpError: if it is a list, a tuple, a dictionary or a state.
        ArtifactError: if its element type is unknown or rank and dimensions disagree.
    """
    kind = proto.WhichOneof("type")
    if kind != "tensorType":
        raise UnsupportedOpError(f"The runtime takes tensors alone; {place} is a {kind}. Leave that part out.")
    tensor = proto.tensorType
    dtype = dtype_of_proto(enum_name(tensor, "dataType"), place)
    dimensions = [_dimension(item) for item in tensor.dimensions]
    if "variadic" in dimensions:
        return TensorType(dtype, None)
    if tensor.rank != len(dimensions):
        raise ArtifactError(f"Expected {tensor.rank} dimensions at {place}; found {len(dimensions)}. Convert again.")
    return TensorType(dtype, tuple(d if isinstance(d, int) else None for d in dimensions))


def _dimension(proto: Proto) -> int | str | None:
    if proto.WhichOneof("dimension") == "constant":
        return int(proto.constant.size)
    return "variadic" if proto.unknown.variadic else None


def parse_value(proto: Proto, open_blobs: OpenBlobs, place: str) -> Constant:
    """Parse a ``MILSpec.Value``: a literal, or a reference into a weight file.

    Raises:
        ArtifactError: if number or size of elements does not fit the declared type.
    """
    declared = parse_type(proto.type, place)
    if declared.shape is None or None in declared.shape:
        raise ArtifactError(f"Expected a constant of fixed shape at {place}; found {declared}. Convert again.")
    shape = tuple(d for d in declared.shape if d is not None)
    if proto.WhichOneof("value") == "blobFileValue":
        name, offset = _blob_name(proto.blobFileValue.fileName, place), int(proto.blobFileValue.offset)
        return Constant(declared, open_blobs(name).read(offset, declared.dtype, shape), (name, offset))
    if proto.immediateValue.WhichOneof("value") != "tensor":
        raise UnsupportedOpError(f"The runtime takes literals that are tensors; {place} holds another kind.")
    return Constant(declared, _literal(proto.immediateValue.tensor, declared.dtype, shape, place))


def _blob_name(file_name: str, place: str) -> str:
    name = file_name.removeprefix(MODEL_PATH)
    if name == file_name or ".." in name.split("/") or name.startswith("/"):
        raise ArtifactError(f"Expected a weight file below {MODEL_PATH} at {place}; found {file_name!r}.")
    return name


_FIELDS: dict[str, frozenset[DType]] = {
    "floats": frozenset({DType.FP32}),
    "ints": frozenset({DType.INT32, DType.INT16, DType.UINT16, DType.UINT32, DType.INT8, DType.UINT8}),
    "bools": frozenset({DType.BOOL}),
    "strings": frozenset({DType.STRING}),
    "longInts": frozenset({DType.INT64}),
}


def _literal(tensor: Proto, dtype: DType, shape: tuple[int, ...], place: str) -> np.ndarray:
    field, count = tensor.WhichOneof("value"), math.prod(shape)
    if field == "bytes":
        return unpack(tensor.bytes.values, dtype, count).reshape(shape)
    if dtype not in _FIELDS.get(field, frozenset()):
        raise ArtifactError(f"Expected a literal of {dtype.value} at {place}; found the field {field!r}.")
    values = list(getattr(tensor, field).values)
    if len(values) != count:
        raise ArtifactError(f"Expected {count} elements in the literal at {place}; found {len(values)}.")
    if dtype is DType.STRING:
        return np.array(values, dtype=object).reshape(shape)
    return np.array(values, dtype=NUMPY[dtype]).reshape(shape)
