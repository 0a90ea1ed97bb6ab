"""Let the converter turn a quantised network's operators into LiteRT's integer kernels.

It reads them as they are written, on two conditions: it is told so, and weights are float numbers that are quantised in
the graph, which it folds.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from litert_torch.quantize.pt2e_quantizer import PT2EQuantizer, get_symmetric_quantization_config
from litert_torch.quantize.quant_config import QuantConfig
from torch import Tensor

from pam_edge.converters.base import ConversionJob
from pam_edge.quantisation.layers import Int8Conv
from pam_edge.supernet.network import Supernet
from pam_edge.terms import Precision


class _FoldableConv(Int8Conv):
    def dequantised(self) -> Tensor:
        weight = self.weight.float() * self.scale[:, None, None, None]
        stored = torch.ops.quantized_decomposed.quantize_per_channel(weight, *self.numbers)
        result: Tensor = torch.ops.quantized_decomposed.dequantize_per_channel(stored, *self.numbers)
        return result


def with_foldable_weights(network: Supernet) -> Supernet:
    """Return a copy of a network whose eight-bit convolutions quantise their weights in the graph."""
    foldable = copy.deepcopy(network)
    for module in foldable.modules():
        if isinstance(module, Int8Conv):
            module.__class__ = _FoldableConv
    return foldable


def options(job: ConversionJob) -> dict[str, Any]:
    """Return what the converter is told beside the graph."""
    if job.precision is not Precision.INT8:
        return {}
    # Of this only that it is not dynamic is used: nothing is quantised by it.
    return {"quant_config": QuantConfig(PT2EQuantizer().set_global(get_symmetric_quantization_config()))}
