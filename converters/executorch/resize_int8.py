"""Resize features of eight bits as they are: XNNPACK has the kernel for it, and its partitioner takes floats only."""

from __future__ import annotations

from typing import Any

from executorch.backends.xnnpack.operators.node_visitor import get_node_visitors, register_node_visitor
from executorch.backends.xnnpack.partition.config import ALL_PARTITIONER_CONFIGS
from executorch.backends.xnnpack.partition.config.generic_node_configs import UpsampleBilinear2dConfig
from executorch.backends.xnnpack.partition.config.xnnpack_config import ConfigPrecisionType
from torch.fx import Node


class _Resize(UpsampleBilinear2dConfig):  # type: ignore[misc]
    def supported_precision_types(self) -> list[ConfigPrecisionType]:
        return [ConfigPrecisionType.FP32, ConfigPrecisionType.STATIC_QUANT]


CONFIGS = [_Resize if config is UpsampleBilinear2dConfig else config for config in ALL_PARTITIONER_CONFIGS]
"""What a partitioner takes: all that XNNPACK's own does, and resizing of features that come and go on one grid."""

_Upstream: Any = type(get_node_visitors(None, {}, None)["aten.upsample_bilinear2d.vec"])


class _DefineResize(_Upstream):  # type: ignore[misc]
    """Says on which grid the features are; the visitor upstream does not look for grids, and keeps what is defined."""

    def define_node(self, node: Node, xnn_graph: Any, vals_to_ids: dict[Node, int], debug_handle: int) -> None:
        self.define_nodes_tensor_inputs_outputs(node, xnn_graph, vals_to_ids, convert_to_nhwc=True)
        super().define_node(node, xnn_graph, vals_to_ids, debug_handle)


register_node_visitor(_DefineResize)
