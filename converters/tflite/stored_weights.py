"""Store the weights of a LiteRT model as float16, or as eight bits; arithmetic stays float32."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ai_edge_quantizer import quantizer

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


def store_weights(file: Path, precision: Precision) -> None:
    """Rewrite a LiteRT model in place, each convolution's weights behind a DEQUANTIZE that XNNPACK folds away."""
    algorithm, tensor = _ALGORITHMS[precision]
    recipe = [
        {
            "regex": ".*",
            "operation": operation,
            "algorithm_key": algorithm,
            "op_config": {"weight_tensor_config": tensor, "compute_precision": "FLOAT", "explicit_dequantize": True},
        }
        for operation in ("CONV_2D", "DEPTHWISE_CONV_2D")
    ]
    quantizer.Quantizer(str(file), recipe).quantize().export_model(str(file), overwrite=True)
