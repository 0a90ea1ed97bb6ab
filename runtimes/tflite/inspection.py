"""Find out which operators of a .tflite signature XNNPACK takes, by loading it and looking at what was replaced."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import Inspection

_DELEGATE = "DELEGATE"


def inspect_signature(file: Path, signature: str) -> Inspection:
    """Load a signature alone with the default delegate and list what is inside and outside of its partitions."""
    interpreter = Interpreter(model_content=_extract(file, signature), num_threads=1)
    interpreter.allocate_tensors()
    nodes = interpreter._get_ops_details()
    partitions = [node for node in nodes if node["op_name"] == _DELEGATE]
    operators = [node for node in nodes if node["op_name"] != _DELEGATE]
    inside = _covered(operators, partitions)
    return Inspection(
        operators=dict(Counter(node["op_name"] for node in operators)),
        delegate="XNNPACK",
        partitions=len(partitions),
        outside=dict(Counter(node["op_name"] for node in operators if node["index"] not in inside)),
        note="as this machine's XNNPACK partitions it; GPU and NPU delegates decide on the device",
    )


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


def _extract(file: Path, signature: str) -> bytes:
    """Return a model with one signature's subgraph alone: the interpreter lists operators of the first one only."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read_bytes(), 0))
    names = {definition.signatureKey.decode(): definition for definition in model.signatureDefs}
    if signature not in names:
        raise ArtifactError(f"{file} has the signatures {', '.join(names)}; expected {signature!r}.")
    definition = names[signature]
    model.subgraphs = [model.subgraphs[definition.subgraphIndex]]
    definition.subgraphIndex = 0
    model.signatureDefs = [definition]
    builder = flatbuffers.Builder(file.stat().st_size)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
