"""Plan memory of graphs that choose: results of conditionals outside of their branches, and features in place.

ExecuTorch 1.5.1 plans the branches of all conditionals of a graph into the same memory and hands a branch's output on
as a pointer into it: what outlives the next conditional is overwritten, without an error (executorch issue 21490; a fix
is proposed in pull request 21818). Here both branches write into the place that the graph around them has planned for
the conditional's result, for as long as something reads it. Nothing has to be copied, and nothing is planned twice.

Most of those results are features of the same size as those that the branch has read, which nobody reads again: such a
result takes their place, so that all blocks of a level work in one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from executorch.exir.memory_planning import MemoryPlanningAlgorithmSuite, get_return_specs
from executorch.exir.passes import MemoryPlanningPass
from torch.fx import GraphModule

from pam_edge.converters.executorch.in_place import Spec, results_in_place


class PlanInPlace(MemoryPlanningPass):  # type: ignore[misc]
    """Memory planning in which branches write where the graph around them expects the result, in place if possible."""

    def __init__(self) -> None:
        self._algorithm = _AllBut()
        super().__init__(memory_planning_algo=self._algorithm)

    def run(self, graph_module: GraphModule, graph_signature: Any = None) -> Any:
        """Plan a graph and the branches of its conditionals."""
        pairs = list(_results(graph_module))
        self._algorithm.left_out = {inner for inner, _ in pairs}
        for result, features in results_in_place(graph_module):
            result.storage_base = features
        planned = super().run(graph_module, graph_signature)
        for inner, outer in pairs:
            inner.mem_id, inner.mem_obj_id, inner.mem_offset = outer.mem_id, outer.mem_obj_id, outer.mem_offset
        return planned


class _AllBut(MemoryPlanningAlgorithmSuite):  # type: ignore[misc]
    """The default algorithm, for all tensors but those that are planned elsewhere."""

    left_out: set[Spec]

    def __call__(self, alignment: int, specs: Iterable[Spec], *others: Any) -> Any:
        return super().__call__(alignment, [spec for spec in specs if spec not in self.left_out], *others)


def _results(module: GraphModule) -> Iterable[tuple[Spec, Spec]]:
    """Return what each branch of each conditional returns, with the conditional's result."""
    for conditional in module.graph.find_nodes(op="call_function", target=torch.ops.higher_order.cond):
        (outer,) = conditional.meta["spec"]
        for branch in conditional.args[1:3]:
            (inner,) = get_return_specs(getattr(module, branch.target))
            yield inner, outer
