"""What the executor runs: steps in order, the slots between them, and when a slot's value is needed no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from pam_edge.runtimes.coreml.operator import Operator
from pam_edge.runtimes.coreml.program import Constant
from pam_edge.runtimes.coreml.types import TensorType

Source = int | Tensor
"""Where a step finds a value: a slot, or the constant itself."""


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a step: where it goes, and what the program declares it to be."""

    slot: int
    name: str
    type: TensorType


@dataclass(slots=True)
class Step:
    """One operation, ready to run.

    Attributes:
        kind: operator.
        place: how messages name it.
        operator: row of the table; None for control flow.
        fixed: arguments that are the same in every run.
        single: parameter and slot of computed arguments.
        many: parameter and sources of lists of values.
        outputs: in order.
        blocks: nested blocks of control flow.
        frees: slots not needed after this step.
    """

    kind: str
    place: str
    operator: Operator | None
    fixed: dict[str, Any]
    single: list[tuple[str, int]]
    many: list[tuple[str, list[Source]]]
    outputs: list[Output]
    blocks: list[Plan] = field(default_factory=list)
    frees: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """Steps of a block, slots of what enters, and sources of what leaves."""

    steps: list[Step]
    inputs: list[Output]
    outputs: list[tuple[str, TensorType, Source]]


@dataclass(slots=True)
class Compiled:
    """A function ready to run: its plan and how many slots it needs."""

    name: str
    version: int
    plan: Plan
    slots: int


@dataclass(frozen=True, slots=True)
class Value:
    """What a name stands for while a function is compiled."""

    type: TensorType
    source: Source | None
    """None for a constant of strings, which has no tensor."""
    constant: Constant | None = None
    fixed: bool = False
    """Known when the model is compiled: ``const`` or ``constexpr_*``."""


def _uses(step: Step) -> Iterator[int]:
    """Yield all slots that a step reads, those of its nested blocks included."""
    yield from (slot for _, slot in step.single)
    for _, sources in step.many:
        yield from (source for source in sources if isinstance(source, int))
    for plan in step.blocks:
        for inner in plan.steps:
            yield from _uses(inner)
        yield from (source for _, _, source in plan.outputs if isinstance(source, int))


def mark_last_uses(steps: list[Step], kept: set[int], entering: Iterable[Output]) -> None:
    """Let each step free what this block defines and nothing after the step reads."""
    own = {output.slot for output in entering}
    own |= {output.slot for step in steps for output in step.outputs}
    seen = set(kept)
    for step in reversed(steps):
        used = (set(_uses(step)) | {output.slot for output in step.outputs}) & own
        step.frees = sorted(used - seen)
        seen |= used
