"""Rewrite a saved package: a ``cond`` in place of every mark, the branches moved into its blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pam_edge.converters.coreml.package import MODEL
from pam_edge.converters.marks import input_name, output_name
from pam_edge.errors import ConversionError
from pam_edge.toolchains import UNUSED_BY_COREMLTOOLS, hidden

with hidden(*UNUSED_BY_COREMLTOOLS):
    import coremltools as ct

MARK = "pow"
_KEEPS_TRUTH = ("cast", "reshape", "expand_dims", "squeeze")

Proto = Any
"""A message of coremltools' generated protobuf classes, which carry no types."""


def splice(package: Path, branches: int) -> None:
    """Replace marks by conditionals, in place, and drop the branches' inputs and outputs.

    The k-th mark, in order of execution, chooses between branches ``2 k`` (if true) and ``2 k + 1``. Constants are
    copied into the blocks that use them, as Core ML wants of weights; their data in the weight file is shared.

    Args:
        package: an .mlpackage whose one function holds marks ``pow(x, condition as a number)`` and, beside them,
            branches with inputs and outputs of their own.
        branches: how many.

    Raises:
        ConversionError: if marks and branches do not fit.
    """
    specification = ct.proto.Model_pb2.Model()
    specification.ParseFromString((package / MODEL).read_bytes())
    function = specification.mlProgram.functions["main"]
    body = function.block_specializations[function.opset]
    program = _Program(body, [declared.name for declared in function.inputs])
    cut = [program.cut(input_name(index), output_name(index)) for index in range(branches)]
    moved = {id(operation) for operations in cut for operation in operations if operation.type != "const"}
    marks = [operation for operation in body.operations if operation.type == MARK]
    if 2 * len(marks) != branches:
        raise ConversionError(
            f"Core ML: expected a mark for every two branches, found {len(marks)} for {branches}. Report it: "
            "coremltools has changed what it does with the operator that marks a choice."
        )
    operations: list[Proto] = []
    for operation in body.operations:
        if operation.type == MARK:
            index = 2 * marks.index(operation)
            operations += program.conditional(operation, index, cut[index], cut[index + 1])
        elif id(operation) not in moved:
            operations.append(operation)
    outputs = [name for name in body.outputs if not name.startswith("branch_")]
    kept = _used(operations, outputs)
    del body.operations[:]
    body.operations.extend(kept)
    body.outputs[:] = outputs
    for declared in (function.inputs, specification.description.input, specification.description.output):
        _drop_branches(declared)
    (package / MODEL).write_bytes(specification.SerializeToString(deterministic=True))


class _Program:
    """The operations of a flat block, by what they make, and what enters it."""

    def __init__(self, body: Proto, inputs: list[str]) -> None:
        self._inputs = set(inputs)
        self._operations = list(body.operations)
        self._maker = {output.name: operation for operation in body.operations for output in operation.outputs}

    def cut(self, entering: str, leaving: str) -> list[Proto]:
        """Return the operations, constants included, between a branch's input and its output, in order."""
        needed, found = {leaving}, []
        for operation in reversed(self._operations):
            if any(output.name in needed for output in operation.outputs):
                needed |= set(_arguments(operation))
                found.append(operation)
        if needed & self._inputs != {entering}:
            found_inputs = ", ".join(sorted(needed & self._inputs)) or "no input"
            raise ConversionError(
                f"Core ML: expected {leaving} to depend on {entering} alone; it depends on {found_inputs}. Report it."
            )
        return found[::-1]

    def conditional(self, mark: Proto, index: int, block: list[Proto], connect: list[Proto]) -> list[Proto]:
        """Return the operations that stand for a mark: the condition as a scalar, and the conditional."""
        features, power = (mark.inputs[name].arguments[0].name for name in ("x", "y"))
        scalar, condition = self._scalar(self._truth_value(power), f"choice_{index // 2}")
        made = type(mark)()
        made.type = "cond"
        made.inputs["pred"].arguments.add().name = condition
        made.attributes["name"].CopyFrom(mark.attributes["name"])
        made.outputs.extend(mark.outputs)
        for offset, operations in enumerate((block, connect)):
            inner = made.blocks.add()
            inner.operations.extend(_renamed(operations, index + offset, features))
            inner.outputs.append(output_name(index + offset))
        return [*scalar, made]

    def _truth_value(self, name: str) -> str:
        """Return the truth value that a value was made of, by casts and reshapes alone."""
        start = name
        while name in self._maker and self._maker[name].outputs[0].type.tensorType.dataType != ct.proto.MIL_pb2.BOOL:
            maker = self._maker[name]
            name = maker.inputs["x"].arguments[0].name if maker.type in _KEEPS_TRUTH else ""
        if name not in self._maker:
            raise ConversionError(f"Core ML: expected {start} to be made of a truth value; it is not. Report it.")
        return name

    def _scalar(self, name: str, prefix: str) -> tuple[list[Proto], str]:
        """Return the operations that make a scalar of a truth value of shape [1], if it is not one, and its name."""
        declared = next(output for output in self._maker[name].outputs if output.name == name)
        if declared.type.tensorType.rank == 0:
            return [], name
        axes, squeeze = type(self._maker[name])(), type(self._maker[name])()
        axes.type, squeeze.type = "const", "squeeze"
        _name(axes, f"{prefix}_axes")
        made = axes.outputs.add()
        made.name = f"{prefix}_axes"
        made.type.tensorType.dataType, made.type.tensorType.rank = ct.proto.MIL_pb2.INT32, 1
        made.type.tensorType.dimensions.add().constant.size = 1
        value = axes.attributes["val"]
        value.type.CopyFrom(made.type)
        value.immediateValue.tensor.ints.values.append(0)
        _name(squeeze, f"{prefix}_runs")
        squeeze.inputs["x"].arguments.add().name = name
        squeeze.inputs["axes"].arguments.add().name = f"{prefix}_axes"
        result = squeeze.outputs.add()
        result.name = f"{prefix}_runs"
        result.type.tensorType.dataType = ct.proto.MIL_pb2.BOOL
        return [axes, squeeze], f"{prefix}_runs"


def _name(operation: Proto, name: str) -> None:
    """Give an operation the attribute that carries its name."""
    value = operation.attributes["name"]
    value.type.tensorType.dataType = ct.proto.MIL_pb2.STRING
    value.immediateValue.tensor.strings.values.append(name)


def _renamed(operations: list[Proto], branch: int, features: str) -> list[Proto]:
    """Return copies for a block: what enters is ``features``, and constants, which branches share, get own names."""
    names = {input_name(branch): features}
    names |= {o.outputs[0].name: f"branch_{branch}_{o.outputs[0].name}" for o in operations if o.type == "const"}
    copies = []
    for operation in operations:
        copy = type(operation)()
        copy.CopyFrom(operation)
        for argument in _references(copy):
            argument.name = names.get(argument.name, argument.name)
        for output in copy.outputs:
            output.name = names.get(output.name, output.name)
        copies.append(copy)
    return copies


def _references(operation: Proto) -> list[Proto]:
    """Return an operation's arguments that are names."""
    arguments = (argument for each in operation.inputs.values() for argument in each.arguments)
    return [argument for argument in arguments if argument.WhichOneof("binding") == "name"]


def _arguments(operation: Proto) -> list[str]:
    """Return the names that an operation reads, its blocks included."""
    inner = [name for block in operation.blocks for each in block.operations for name in _arguments(each)]
    return [argument.name for argument in _references(operation)] + inner


def _used(operations: list[Proto], outputs: list[str]) -> list[Proto]:
    """Return the operations that the outputs depend on."""
    needed, kept = set(outputs), []
    for operation in reversed(operations):
        if any(output.name in needed for output in operation.outputs):
            needed |= set(_arguments(operation))
            kept.append(operation)
    return kept[::-1]


def _drop_branches(declared: Proto) -> None:
    """Remove the branches' own inputs or outputs from a list of declarations."""
    kept = [each for each in declared if not each.name.startswith("branch_")]
    del declared[:]
    declared.extend(kept)
