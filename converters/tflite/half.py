"""Store the weights of a LiteRT model as float16; arithmetic stays float32."""

from __future__ import annotations

from pathlib import Path

from ai_edge_quantizer import quantizer

# One rule for every layer: cast the weights. Names are those of ai-edge-quantizer's recipe files.
_RECIPE = [
    {
        "regex": ".*",
        "operation": operation,
        "algorithm_key": "float_casting",
        "op_config": {
            "weight_tensor_config": {"num_bits": 16, "dtype": "FLOAT"},
            "compute_precision": "FLOAT",
            "explicit_dequantize": True,
        },
    }
    for operation in ("CONV_2D", "DEPTHWISE_CONV_2D")
]


def store_weights_as_half(file: Path) -> None:
    """Rewrite a LiteRT model in place with float16 weights, each behind a DEQUANTIZE that XNNPACK folds away."""
    tool = quantizer.Quantizer(str(file), _RECIPE)
    tool.quantize().export_model(str(file), overwrite=True)
