"""Read from a .pte file which instructions a method executes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from executorch.exir._serialize._program import deserialize_pte_binary

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import Branch, Inspection
from pam_edge.runtimes.executorch.method import KIND, check_program
from pam_edge.runtimes.guards import reading

_JUMP = "JumpFalseCall"
_CONTROL = (_JUMP, "MoveCall")
"""Instructions that compute nothing: they lead into a branch, and hand its result on."""


def inspect_method(file: Path, method: str) -> Inspection:
    """Count a method's delegate calls and the operators that run outside of them on portable kernels.

    Both branches of each conditional count, of which one runs.

    Raises:
        ArtifactError: if the file cannot be read, or has no such method.
    """
    check_program(file)
    with reading(file, KIND):
        return _inspect(_plan(file, method))


def _inspect(plan: Any) -> Inspection:
    counts = Counter(_name(plan, instruction) for instruction in _instructions(plan))
    delegates = sorted({delegate.id for delegate in plan.delegates})
    _, _, height, width = plan.values[plan.inputs[0]].val.sizes
    return Inspection(
        height=height,
        width=width,
        operators=dict(counts),
        delegate=", ".join(delegates) or "none",
        partitions=sum(counts[name] for name in delegates),
        outside={name: count for name, count in counts.items() if name not in (*delegates, *_CONTROL)},
        note="a delegate call stands for all operators that the delegate took; they are compiled into it",
        branches=tuple(_branch(names, delegates) for names in _branches(plan)),
    )


def _plan(file: Path, method: str) -> Any:
    plans = {plan.name: plan for plan in deserialize_pte_binary(file.read_bytes()).program.execution_plan}
    if method not in plans:
        raise ArtifactError(f"{file} has the methods {', '.join(sorted(plans))}; expected {method!r}.")
    return plans[method]


def _instructions(plan: Any) -> list[Any]:
    return [each.instr_args for each in chain.from_iterable(part.instructions for part in plan.chains)]


def _branches(plan: Any) -> Iterator[tuple[str, ...]]:
    """Return what each conditional executes if true, then if false, by name; none is inside another."""
    # Written as: jump to B if false; A: first branch; jump to C, always; B: second branch; C: the rest.
    instructions = _instructions(plan)
    names = [_name(plan, instruction) for instruction in instructions]
    jumps = [position for position, name in enumerate(names) if name == _JUMP]
    for start, middle in zip(jumps[::2], jumps[1::2], strict=True):
        end = instructions[middle].destination_instruction
        yield _computing(names[start + 1 : middle])
        yield _computing(names[middle + 1 : end])


def _computing(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in _CONTROL)


def _branch(names: Sequence[str], delegates: Sequence[str]) -> Branch:
    outside = Counter(name for name in names if name not in delegates)
    return Branch(len(names) - outside.total(), dict(outside))


def _name(plan: Any, instruction: Any) -> str:
    kind = type(instruction).__name__
    if kind == "DelegateCall":
        return str(plan.delegates[instruction.delegate_index].id)
    if kind == "KernelCall":
        return str(plan.operators[instruction.op_index].name)
    return kind
