"""Keep what a conditional returns from being overwritten by the next one.

ExecuTorch 1.5.1 plans the branches of all conditionals of a graph into the same memory and hands a branch's output on
as a pointer into it. What outlives the next conditional is then overwritten, without an error (executorch issue 21490;
a fix is proposed in pull request 21818). Here it is copied first, as a part of the delegate that takes it:

    y = cond(...)[0]; z = cond(f(y))[0]; return y + z  ->  y = clone(cond(...)[0]); z = cond(f(y))[0]; return y + z
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch.fx import Graph, GraphModule, Node


def copy_outliving_results(module: GraphModule) -> None:
    """Insert a copy, in place, of each result of a conditional that something uses at or after the next one."""
    for result in outliving_results(module.graph):
        users = tuple(result.users)
        with module.graph.inserting_after(result):
            copy = module.graph.call_function(torch.ops.aten.clone.default, (result,))
        copy.meta = dict(result.meta)
        for user in users:
            user.replace_input_with(result, copy)
    module.recompile()


def outliving_results(graph: Graph) -> list[Node]:
    """Return the results of conditionals that something uses at or after the next conditional."""
    order = {node: position for position, node in enumerate(graph.nodes)}
    conditionals = graph.find_nodes(op="call_function", target=torch.ops.higher_order.cond)
    return [
        result
        for conditional, following in pairwise(conditionals)
        for result in conditional.users
        if any(order[user] >= order[following] for user in result.users)
    ]
