"""Store the weights of a LiteRT model as float16, or as eight bits; arithmetic stays float32."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer import quantizer

from pam_edge.quantisation.layers import are_round
from pam_edge.terms import Precision

# Names are those of ai-edge-quantizer's recipe files.
_ALGORITHMS: Mapping[Precision, tuple[str, dict[str, Any]]] = {
    Precision.FP16: ("float_casting", {"num_bits": 16, "dtype": "FLOAT"}),
    # Weights lie on this grid already: see pam_edge.quantisation.layers.round_weights.
    Precision.W8: (
        "min_max_uniform_quantize",
        {"num_bits": 8, "dtype": "INT", "symmetric": True, "granularity": "CHANNELWISE"},
    ),
}

_CHANNEL_AXES = {schema.BuiltinOperator.CONV_2D: 0, schema.BuiltinOperator.DEPTHWISE_CONV_2D: 3}


def store_weights(file: Path, precision: Precision) -> None:
    """Rewrite a LiteRT model in place, each convolution's weights behind a DEQUANTIZE that XNNPACK folds away."""
    algorithm, tensor = _ALGORITHMS[precision]
    regex = ".*" if precision is Precision.FP16 else _with_round_weights(file)
    recipe = [
        {
            "regex": regex,
            "operation": operation,
            "algorithm_key": algorithm,
            "op_config": {"weight_tensor_config": tensor, "compute_precision": "FLOAT", "explicit_dequantize": True},
        }
        for operation in ("CONV_2D", "DEPTHWISE_CONV_2D")
    ]
    quantizer.Quantizer(str(file), recipe).quantize().export_model(str(file), overwrite=True)


def _with_round_weights(file: Path) -> str:
    """Return a pattern of the names of what convolutions give whose weights lie on an eight-bit grid."""
    model = schema.Model.GetRootAs(file.read_bytes(), 0)
    graphs = [model.Subgraphs(index) for index in range(model.SubgraphsLength())]
    names = {name for graph in graphs for name in _names_with_round_weights(model, graph)}
    return "|".join(f"^{re.escape(name)};?$" for name in sorted(names)) or "^$"


def _names_with_round_weights(model: Any, graph: Any) -> Iterator[str]:
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        kind = model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()
        if kind not in _CHANNEL_AXES:
            continue
        tensor = graph.Tensors(operator.Inputs(1))
        values = model.Buffers(tensor.Buffer()).DataAsNumpy()
        weights = np.asarray(values).view(np.float32).reshape(tensor.ShapeAsNumpy())
        if are_round(weights, _CHANNEL_AXES[kind]):
            yield graph.Tensors(operator.Outputs(0)).Name().decode()
