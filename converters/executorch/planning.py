"""Plan memory without room for what conditionals return.

ExecuTorch 1.5.1 plans a conditional's result twice: as the output of its branches, in memory that all branches share,
and once more in the graph around them, where nothing is ever written: at run time the result is a pointer to what the
branch made. Python's and most apps' runtimes fill planned memory with zeros, so that the second copy is resident too.
"""

from __future__ import annotations

from typing import Any

from executorch.exir import ExecutorchBackendConfig
from executorch.exir.memory_planning import MemoryPlanningAlgorithmSuite, get_cond_nodes, get_node_tensor_specs
from executorch.exir.passes import MemoryPlanningPass
from torch.fx import GraphModule

_PLANNED = 1
"""The one buffer that is planned; branches have its beginning."""


class _WithoutResults:
    """Plans as ExecuTorch does, but for the results of conditionals, which lie where their branches put them."""

    def __init__(self) -> None:
        self._suite = MemoryPlanningAlgorithmSuite()

    def __call__(
        self, alignment: int, specs: list[Any], graph: GraphModule, signature: Any, padding: int = 0
    ) -> list[int]:
        results = {id(spec) for node in get_cond_nodes(graph) for spec in get_node_tensor_specs(node)}
        sizes: list[int] = self._suite(alignment, [s for s in specs if id(s) not in results], graph, signature, padding)
        for spec in specs:
            if id(spec) in results:
                spec.mem_id, spec.mem_offset = _PLANNED, 0
        return sizes


def lean_configuration() -> ExecutorchBackendConfig:
    """Return the configuration for programs with conditionals."""
    return ExecutorchBackendConfig(memory_planning_pass=MemoryPlanningPass(_WithoutResults()))
