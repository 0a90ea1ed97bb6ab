"""Read from a .pte file which instructions a method executes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from executorch.exir._serialize._program import deserialize_pte_binary

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import Inspection


def inspect_method(file: Path, method: str) -> Inspection:
    """Count a method's delegate calls and the operators that run outside of them on portable kernels."""
    plans = {plan.name: plan for plan in deserialize_pte_binary(file.read_bytes()).program.execution_plan}
    if method not in plans:
        raise ArtifactError(f"{file} has the methods {', '.join(sorted(plans))}; expected {method!r}.")
    plan = plans[method]
    instructions = [i.instr_args for chain in plan.chains for i in chain.instructions]
    counts = Counter(_name(plan, instruction) for instruction in instructions)
    delegates = sorted({delegate.id for delegate in plan.delegates})
    delegated = {name: count for name, count in counts.items() if name in delegates}
    return Inspection(
        operators=dict(counts),
        delegate=", ".join(delegates) or "none",
        partitions=sum(delegated.values()),
        outside={name: count for name, count in counts.items() if name not in delegates},
        note="a delegate call stands for all operators that the delegate took; they are compiled into it",
    )


def _name(plan: Any, instruction: Any) -> str:
    kind = type(instruction).__name__
    if kind == "DelegateCall":
        return str(plan.delegates[instruction.delegate_index].id)
    if kind == "KernelCall":
        return str(plan.operators[instruction.op_index].name)
    return kind
