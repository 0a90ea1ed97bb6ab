"""XNNPACK partitions other than the partitioner would make: it joins whatever it can."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir.dialects._ops import ops as edge_ops
from torch.export import ExportedProgram
from torch.fx import Node
from torch.fx.passes.infra.partitioner import Partition

_UPSAMPLING = edge_ops.edge.aten.upsample_bilinear2d.vec
_STORE = edge_ops.edge.quantized_decomposed.quantize_per_tensor.default


class PartitionPerOutput(XnnpackPartitioner):  # type: ignore[misc]
    """Makes one partition of everything that an output depends on."""

    def generate_partitions(self, ep: ExportedProgram) -> list[Partition]:
        """See the parent."""
        taken = {node for partition in super().generate_partitions(ep) for node in partition.nodes}
        outputs = ep.graph.output_node().args[0]
        return [Partition(index, origins([output]) & taken) for index, output in enumerate(outputs)]


class CutAtLargestFeatures(XnnpackPartitioner):  # type: ignore[misc]
    """Makes partitions of their own of what writes the largest features: the stem, and the last level's addition.

    Those are features at half the image's size. Inside of larger partitions more of them would be alive at once: the
    stem's beside the image, and the last upsampling's twice in XNNPACK's workspace while the skip waits in planned
    memory. A partition that adds can write the sum in the skip's place.
    """

    def generate_partitions(self, ep: ExportedProgram) -> list[Partition]:
        """See the parent."""
        partitions = super().generate_partitions(ep)
        upsamplings = ep.graph.find_nodes(op="call_function", target=_UPSAMPLING)
        # Features in eight bits are small already, and are stored between the two.
        if upsamplings and not ep.graph.find_nodes(op="call_function", target=_STORE):
            upsampling = upsamplings[-1]
            addition = _sole_reader(upsampling, edge_ops.edge.aten.add.Tensor)
            activation = _sole_reader(addition, edge_ops.edge.aten.relu.default)
            (skip,) = (node for node in addition.all_input_nodes if node is not upsampling)
            for group in ({upsampling, addition, activation}, origins([skip]), origins(upsampling.all_input_nodes)):
                partitions = [part for partition in partitions for part in _cut(partition, group)]
        return [Partition(number, partition.nodes) for number, partition in enumerate(partitions)]


def _cut(partition: Partition, group: set[Node]) -> Iterator[Partition]:
    """Return the nodes of a partition that are in a group, and those that are not."""
    inside = [node for node in partition.nodes if node in group]
    outside = [node for node in partition.nodes if node not in group]
    return (Partition(nodes=nodes) for nodes in (inside, outside) if nodes)


def _sole_reader(node: Node, target: object) -> Node:
    (reader,) = node.users
    assert reader.target == target, f"expected {target} to read {node.name}, found {reader.target}"
    return reader


def origins(nodes: Iterable[Node]) -> set[Node]:
    """Return nodes and all that they depend on."""
    found, waiting = set[Node](), list(nodes)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(node.all_input_nodes)
    return found
