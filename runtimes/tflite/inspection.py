"""Find out which operators of a .tflite signature XNNPACK takes, by loading it and looking at what was replaced."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import Branch, Inspection
from pam_edge.runtimes.guards import check_flatbuffer, control_flow, reading
from pam_edge.runtimes.tflite.flatbuffer import read_model
from pam_edge.runtimes.tflite.signature import KIND, MARK, open_interpreter
from pam_edge.terms import Precision

_DELEGATE = "DELEGATE"


def inspect_signature(file: Path, signature: str) -> Inspection:
    """Load a signature with the default delegate and list what is inside and outside of its partitions.

    The branches of a graph that chooses are loaded one by one, each as a graph of its own.

    Raises:
        ArtifactError: if LiteRT does not take the file, or the file has no such signature.
    """
    _verify(file)
    with reading(file, KIND):
        model = _extract(file, signature)
        height, width = _image_size(model)
        branches = model.subgraphs[1:]
        with control_flow() if branches else nullcontext():
            parts = [_inspect_first(file, model)]
        for branch in branches:
            model.subgraphs, model.signatureDefs = [branch], []
            parts.append(_inspect_first(file, model))
    return Inspection(
        height=height,
        width=width,
        operators=dict(sum((operators for operators, _, _ in parts), Counter())),
        delegate="XNNPACK",
        partitions=sum(partitions for _, partitions, _ in parts),
        outside=dict(sum((outside for _, _, outside in parts), Counter())),
        note="as this machine's XNNPACK partitions it; GPU and NPU delegates decide on the device",
        branches=tuple(Branch(partitions, dict(outside)) for _, partitions, outside in parts[1:]),
    )


def stored_precision(file: Path) -> Precision:
    """Return the number format of a file's weights and features: what tensors with and without content are made of.

    Raises:
        ArtifactError: if the file cannot be read.
    """
    check_flatbuffer(file, KIND, MARK)
    with reading(file, KIND):
        model = schema.Model.GetRootAs(file.read_bytes(), 0)
        graphs = [model.Subgraphs(index) for index in range(model.SubgraphsLength())]
        tensors = [graph.Tensors(index) for graph in graphs for index in range(graph.TensorsLength())]
        weights = {each.Type() for each in tensors if _has_content(model, each)}
        features = {each.Type() for each in tensors if not _has_content(model, each)}
    if schema.TensorType.INT8 in features:
        return Precision.INT8
    if schema.TensorType.INT8 in weights:
        return Precision.W8
    return Precision.FP16 if schema.TensorType.FLOAT16 in weights else Precision.FP32


def _has_content(model: Any, tensor: Any) -> bool:
    """Return whether a tensor is a constant: its bytes lie in the flatbuffer, or behind it."""
    buffer = model.Buffers(tensor.Buffer())
    return bool(buffer.DataLength() > 0 or buffer.Size() > 1)


def _verify(file: Path) -> None:
    """Let LiteRT verify the structure, which Python's reader of FlatBuffers takes on trust."""
    try:
        open_interpreter(file)
    except ArtifactError as error:
        if "opcode 'IF'" not in str(error):
            raise
        with control_flow():
            raise


def _inspect_first(file: Path, model: Any) -> tuple[Counter[str], int, Counter[str]]:
    """Return the first subgraph's operators, number of partitions, and operators outside of them."""
    with reading(file, KIND):
        interpreter = Interpreter(model_content=_pack(model), num_threads=1)
        interpreter.allocate_tensors()
        nodes = interpreter._get_ops_details()
    partitions = [node for node in nodes if node["op_name"] == _DELEGATE]
    operators = [node for node in nodes if node["op_name"] != _DELEGATE]
    inside = _covered(operators, partitions)
    outside = Counter(str(node["op_name"]) for node in operators if node["index"] not in inside)
    return Counter(str(node["op_name"]) for node in operators), len(partitions), outside


def _covered(operators: list[Any], partitions: list[Any]) -> set[int]:
    """Return the operators that partitions replaced: those between a partition's inputs and its outputs."""
    producer = {int(tensor): node for node in operators for tensor in node["outputs"]}
    inside: set[int] = set()
    for partition in partitions:
        inputs = set(map(int, partition["inputs"]))
        pending = list(map(int, partition["outputs"]))
        while pending:
            node = producer.get(pending.pop())
            if node is not None and node["index"] not in inside:
                inside.add(node["index"])
                pending += [int(tensor) for tensor in node["inputs"] if int(tensor) not in inputs]
    return inside


def _extract(file: Path, signature: str) -> Any:
    """Return a model with one signature alone: the interpreter lists operators of the first subgraph only."""
    model = read_model(file)
    names = {definition.signatureKey.decode(): definition for definition in model.signatureDefs}
    if signature not in names:
        raise ArtifactError(f"{file} has the signatures {', '.join(names)}; expected {signature!r}.")
    definition = names[signature]
    if len(names) > 1:
        model.subgraphs = [model.subgraphs[definition.subgraphIndex]]
        definition.subgraphIndex = 0
    model.signatureDefs = [definition]
    return model


def _image_size(model: Any) -> tuple[int, int]:
    """Return height and width of the image that an extracted signature takes."""
    (signature,) = model.signatureDefs
    inputs = {each.name.decode(): each.tensorIndex for each in signature.inputs}
    _, height, width, _ = map(int, model.subgraphs[0].tensors[inputs["image"]].shape)
    return height, width


def _pack(model: Any) -> bytes:
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), MARK)
    return bytes(builder.Output())
