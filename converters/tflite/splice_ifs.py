"""Rewrite a .tflite file: an IF operator in place of every mark, with branches cut out of another subgraph.

Weights never leave the branch that uses them, so that XNNPACK takes both branches whole; a conversion of conditionals
that captures weights from outside makes them inputs of the branches, and their convolutions are then not delegated.
Nothing here knows about networks: marks, branches and files are all it handles.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from pam_edge.errors import ConversionError

MARK = schema.BuiltinOperator.POW
_KEEPS_TRUTH = (schema.BuiltinOperator.CAST, schema.BuiltinOperator.RESHAPE, schema.BuiltinOperator.BROADCAST_TO)
_ALIGNMENT_BYTES = 16

Subgraph = Any
"""A ``SubGraphT`` of the schema's generated classes, which carry no types."""


def splice(file: Path, main: str, branches: str, inputs: list[str], outputs: list[str]) -> None:
    """Replace marks by IF operators, in place, and drop the signature that held the branches.

    The k-th mark, in order of execution, chooses between outputs ``2 k`` (if true) and ``2 k + 1``.

    Args:
        file: a model with the two signatures.
        main: signature whose subgraph has the marks: ``mark(x, condition as float)``.
        branches: signature whose outputs depend on one input and constants each.
        inputs: names of the branches' inputs.
        outputs: names of the branches' outputs, in the same order.

    Raises:
        ConversionError: if marks and branches do not fit.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read_bytes(), 0))
    signatures = {definition.signatureKey.decode(): definition for definition in model.signatureDefs}
    body, pool = (model.subgraphs[signatures[name].subgraphIndex] for name in (main, branches))
    entering = {entry.name.decode(): entry.tensorIndex for entry in signatures[branches].inputs}
    leaving = {entry.name.decode(): entry.tensorIndex for entry in signatures[branches].outputs}
    cut = [_cut(pool, entering[a], leaving[b]) for a, b in zip(inputs, outputs, strict=True)]
    marks = [operator for operator in body.operators if _kind(model, operator) == MARK]
    if 2 * len(marks) != len(cut):
        raise ConversionError(
            f"LiteRT: expected a mark for every two branches, found {len(marks)} for {len(cut)}. Report it: the "
            "converter has changed what it does with the operator that marks a choice."
        )
    model.subgraphs = [body, *cut]
    signatures[main].subgraphIndex = 0
    model.signatureDefs = [signatures[main]]
    _replace_marks(model, body, marks)
    _drop_unused_operators(body)
    file.write_bytes(_pack(model))


def _kind(model: Any, operator: Any) -> int:
    code = model.operatorCodes[operator.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def _replace_marks(model: Any, body: Subgraph, marks: list[Any]) -> None:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.IF
    code.version = 1
    model.operatorCodes.append(code)
    if_code = len(model.operatorCodes) - 1
    producers = {int(tensor): operator for operator in body.operators for tensor in operator.outputs}
    for index, mark in enumerate(marks):
        features, condition = map(int, mark.inputs)
        options = schema.IfOptionsT()
        options.thenSubgraphIndex, options.elseSubgraphIndex = 2 * index + 1, 2 * index + 2
        mark.opcodeIndex = if_code
        mark.builtinOptionsType, mark.builtinOptions = schema.BuiltinOptions.IfOptions, options
        branch = model.subgraphs[2 * index + 1]
        if branch.tensors[branch.inputs[0]].type == schema.TensorType.INT8:
            features = _pass_in_eight_bits(model, body, mark, features, branch)
        mark.inputs = np.array([_truth_value(model, body, producers, condition), features], np.int32)


def _pass_in_eight_bits(model: Any, body: Subgraph, mark: Any, features: int, branch: Subgraph) -> int:
    """Let features cross a choice as they are stored, where its branches take and give them so.

        quantise(mark(x))   ->   if(quantise(x))

    Returns:
        The number of the tensor that goes in.
    """
    result = int(mark.outputs[0])
    readers = [operator for operator in body.operators if result in map(int, operator.inputs)]
    if [_kind(model, each) for each in readers] != [schema.BuiltinOperator.QUANTIZE]:
        raise ConversionError(
            "LiteRT: expected what comes of a choice between quantised branches to be quantised, and to be read by "
            "nothing else; it is not. Report it."
        )
    (after,) = readers
    stored = copy.deepcopy(branch.tensors[branch.inputs[0]])
    stored.name = body.tensors[features].name + b"/stored"
    body.tensors.append(stored)
    before = copy.deepcopy(after)
    before.inputs = np.array([features], np.int32)
    before.outputs = np.array([len(body.tensors) - 1], np.int32)
    mark.outputs = after.outputs
    body.operators.remove(after)
    body.operators.insert(body.operators.index(mark), before)
    return len(body.tensors) - 1


def _truth_value(model: Any, body: Subgraph, producers: dict[int, Any], tensor: int) -> int:
    """Return the truth value that a tensor was made of, by casts, reshapes and broadcasts alone."""
    while body.tensors[tensor].type != schema.TensorType.BOOL:
        maker = producers.get(tensor)
        if maker is None or _kind(model, maker) not in _KEEPS_TRUTH:
            raise ConversionError(
                "LiteRT: expected the condition of a choice to come from a truth value by casts, reshapes and "
                f"broadcasts alone; {body.tensors[tensor].name.decode()} does not. Report it."
            )
        tensor = int(maker.inputs[0])
    return tensor


def _cut(pool: Subgraph, entering: int, leaving: int) -> Subgraph:
    """Return the operators that one output depends on as a subgraph of its own."""
    needed, operators = {leaving}, []
    for operator in reversed(pool.operators):
        if needed & set(map(int, operator.outputs)):
            needed |= {int(tensor) for tensor in operator.inputs if tensor >= 0}
            operators.append(copy.deepcopy(operator))
    if needed & set(map(int, pool.inputs)) != {entering}:
        names = [pool.tensors[tensor].name.decode() for tensor in (leaving, entering)]
        raise ConversionError(f"LiteRT: expected {names[0]} to depend on {names[1]} and on no other input. Report it.")
    branch = schema.SubGraphT()
    branch.name = pool.tensors[leaving].name
    branch.tensors = pool.tensors
    branch.operators = operators[::-1]
    branch.inputs, branch.outputs = np.array([entering], np.int32), np.array([leaving], np.int32)
    _drop_unused_tensors(branch)
    for tensor in branch.tensors:  # constants that branches share would have one name several times in the file
        tensor.name = branch.name + b"/" + tensor.name
    return branch


def _drop_unused_operators(body: Subgraph) -> None:
    needed, kept = set(map(int, body.outputs)), []
    for operator in reversed(body.operators):
        if needed & set(map(int, operator.outputs)):
            needed |= set(map(int, operator.inputs))
            kept.append(operator)
    body.operators = kept[::-1]


def _drop_unused_tensors(subgraph: Subgraph) -> None:
    """Keep the tensors that are used, in their order, and number them anew."""
    lists = [subgraph.inputs, subgraph.outputs]
    lists += [tensors for operator in subgraph.operators for tensors in (operator.inputs, operator.outputs)]
    used = sorted({int(tensor) for tensors in lists for tensor in tensors if tensor >= 0})
    number = {old: new for new, old in enumerate(used)} | {-1: -1}
    subgraph.tensors = [copy.copy(subgraph.tensors[old]) for old in used]

    def renumbered(tensors: Any) -> Any:
        return np.array([number[int(tensor)] for tensor in tensors], np.int32)

    subgraph.inputs, subgraph.outputs = renumbered(subgraph.inputs), renumbered(subgraph.outputs)
    for operator in subgraph.operators:
        operator.inputs, operator.outputs = renumbered(operator.inputs), renumbered(operator.outputs)


class _AlignedBuffer:
    """A buffer that packs as the schema demands, its data at a multiple of 16 bytes; generated code leaves that out."""

    def __init__(self, buffer: Any) -> None:
        self._buffer = buffer

    def Pack(self, builder: Any) -> Any:
        """Write data, then table."""
        data = self._buffer.data
        if data is None or not len(data):
            return self._buffer.Pack(builder)
        content = np.asarray(data, np.uint8).tobytes()
        builder.StartVector(1, len(content), _ALIGNMENT_BYTES)
        builder.head -= len(content)
        builder.Bytes[builder.Head() : builder.Head() + len(content)] = content
        vector = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


def _pack(model: Any) -> bytes:
    """Return the file's bytes, with only the buffers that are in use."""
    used = sorted(
        {0, *(t.buffer for s in model.subgraphs for t in s.tensors), *(m.buffer for m in model.metadata or [])}
    )
    number = {old: new for new, old in enumerate(used)}
    model.buffers = [_AlignedBuffer(model.buffers[old]) for old in used]
    packed = {id(tensor): tensor for subgraph in model.subgraphs for tensor in subgraph.tensors}
    for tensor in packed.values():
        tensor.buffer = number[tensor.buffer]
    for entry in model.metadata or []:
        entry.buffer = number[entry.buffer]
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
