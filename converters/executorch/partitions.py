"""One XNNPACK partition per output, where the partitioner would join whatever it can."""

from __future__ import annotations

from collections.abc import Iterable

from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from torch.export import ExportedProgram
from torch.fx import Node
from torch.fx.passes.infra.partitioner import Partition


class PartitionPerOutput(XnnpackPartitioner):  # type: ignore[misc]
    """Makes one partition of everything that an output depends on."""

    def generate_partitions(self, ep: ExportedProgram) -> list[Partition]:
        """See the parent."""
        taken = {node for partition in super().generate_partitions(ep) for node in partition.nodes}
        outputs = ep.graph.output_node().args[0]
        return [Partition(index, _origins([output]) & taken) for index, output in enumerate(outputs)]


def _origins(nodes: Iterable[Node]) -> set[Node]:
    """Return nodes and all that they depend on."""
    found, waiting = set[Node](), list(nodes)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(node.all_input_nodes)
    return found
