"""Runs a compiled function, one operation after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pam_edge.errors import ArtifactError, UnsupportedOpError
from pam_edge.runtimes.coreml.plan import Compiled, Output, Plan, Source, Step
from pam_edge.runtimes.coreml.types import HELD, DType, round_to_float16

Observe = Callable[[str, str, Tensor], None]
"""Called with operator, output name and value (floats as float32) after every operation."""

Slots = list[Tensor | None]


class OperationError(ArtifactError):
    """An operation failed, or gave another shape than the program declares.

    Attributes:
        kind: operator.
        output: name of its output.
    """

    def __init__(self, kind: str, output: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.output = kind, output


@dataclass(frozen=True, slots=True)
class Run:
    """What stays the same during one run: whether float16 values are rounded, and who looks on."""

    rounds: bool
    observe: Observe | None


def execute(compiled: Compiled, inputs: Sequence[Tensor], run: Run) -> list[Tensor]:
    """Run a function on its inputs, in the function's order.

    Args:
        compiled: the function.
        inputs: held tensors, floats as float32.
        run: settings of this run.

    Returns:
        One tensor per output, floats as float32.

    Raises:
        OperationError: if an operation fails, or yields a shape other than the program declares.
        UnsupportedOpError: if an operation needs a mode that is not specified.
    """
    slots: Slots = [None] * compiled.slots
    with torch.inference_mode():
        for entry, value in zip(compiled.plan.inputs, inputs, strict=True):
            slots[entry.slot] = _stored(value, entry, run, "the inputs", exact=False, kind="input")
        return _block(compiled.plan, slots, run)


def _block(plan: Plan, slots: Slots, run: Run) -> list[Tensor]:
    for step in plan.steps:
        results = _control(step, slots, run) if step.operator is None else _compute(step, slots)
        if len(results) != len(step.outputs):
            raise ArtifactError(f"Expected {len(step.outputs)} outputs at {step.place}; found {len(results)}.")
        exact = step.operator is None or step.operator.exact
        for output, value in zip(step.outputs, results, strict=True):
            stored = _stored(value, output, run, step.place, exact, step.kind)
            slots[output.slot] = stored
            if run.observe is not None:
                run.observe(step.kind, output.name, stored)
        results = ()
        for slot in step.frees:
            slots[slot] = None
    return [_value(source, slots) for _, _, source in plan.outputs]


def _value(source: Source, slots: Slots) -> Tensor:
    value = slots[source] if isinstance(source, int) else source
    assert value is not None
    return value


def _compute(step: Step, slots: Slots) -> Sequence[Tensor]:
    assert step.operator is not None
    arguments = dict(step.fixed)
    for name, slot in step.single:
        arguments[name] = slots[slot]
    for name, sources in step.many:
        arguments[name] = [_value(source, slots) for source in sources]
    try:
        result = step.operator.kernel(**arguments)
    except UnsupportedOpError as error:
        raise UnsupportedOpError(f"The reference runtime cannot run {step.place}: {error}.") from error
    except (RuntimeError, ValueError, IndexError, TypeError, KeyError, ArtifactError) as error:
        message = f"Expected {step.place} to run on the values it is given; found: {error}."
        raise OperationError(step.kind, step.outputs[0].name, message) from error
    return (result,) if isinstance(result, Tensor) else result


def _stored(value: Tensor, output: Output, run: Run, place: str, exact: bool, kind: str) -> Tensor:
    """Return a value as the program stores it: of the declared type and shape, rounded if it is float16."""
    declared = output.type
    if value.dtype is not HELD[declared.dtype]:
        value = value.to(HELD[declared.dtype])
    if not exact and declared.dtype is DType.FP16 and run.rounds:
        value = round_to_float16(value)
    if not declared.accepts(tuple(value.shape)):
        raise OperationError(
            kind,
            output.name,
            f"Expected '{output.name}' of {place} to be {declared}; found shape {list(value.shape)}. The program's "
            "declarations do not fit its operations: convert again.",
        )
    return value


def _control(step: Step, slots: Slots, run: Run) -> Sequence[Tensor]:
    if step.kind == "cond":
        predicate = step.fixed["pred"] if "pred" in step.fixed else _value(step.single[0][1], slots)
        return _block(step.blocks[0] if bool(predicate) else step.blocks[1], slots, run)
    return _loop(step, slots, run)


def _loop(step: Step, slots: Slots, run: Run) -> Sequence[Tensor]:
    test, body = step.blocks
    sources = dict(step.many).get("loop_vars")
    state = list(step.fixed["loop_vars"]) if sources is None else [_value(source, slots) for source in sources]
    while bool(_entered(test, state, slots, run)[0]):
        state = _entered(body, state, slots, run)
    return state


def _entered(plan: Plan, state: Sequence[Tensor], slots: Slots, run: Run) -> list[Tensor]:
    for entry, value in zip(plan.inputs, state, strict=True):
        slots[entry.slot] = value
    return _block(plan, slots, run)
