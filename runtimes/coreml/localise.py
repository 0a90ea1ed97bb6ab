"""Finds where a Core ML package stops computing what PyTorch computes.

The values of the reference's blocks are looked for among all intermediate values of the package, once with the types
it declares and once in float32. A block that is missing in both runs points to a wrong operator or weight; one that is
missing in the declared run alone points to float16: rounding, or overflow if values became infinite.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pam_edge.errors import UsageError
from pam_edge.runtimes.coreml.executor import OperationError
from pam_edge.runtimes.coreml.model import Compute, Model

Reference = tuple[str, np.ndarray]
"""Name and value (float32[N, C, H, W]) of something the reference computes."""

JUMP = 8.0
"""An operation's difference between float16 and float32 counts as a jump from this multiple of the one before it on."""


class Verdict(enum.Enum):
    """What explains the first block that differs."""

    SAME = "every block is the same"
    OPERATOR = "an operator or a weight is wrong: the block differs in float32 as well"
    ROUNDING = "float16 rounding: the block is the same in float32"
    OVERFLOW = "float16 overflow: values became infinite, and are finite in float32"
    BROKEN = "an operation cannot run, or gives another shape than the program declares"


@dataclass(frozen=True, slots=True)
class BlockFinding:
    """How well a block was found in the package.

    Attributes:
        name: block.
        value: intermediate value of the package that is nearest in the declared run; None if none has its shape.
        declared_error: its largest difference, as a share of the reference's largest magnitude (at least 1).
        float32_error: the same for the nearest value in the float32 run.
        matches: whether the declared run has it within tolerance.
    """

    name: str
    value: str | None
    declared_error: float
    float32_error: float
    matches: bool


@dataclass(frozen=True, slots=True)
class Suspect:
    """The operation at which the difference starts.

    Attributes:
        kind: operator.
        output: name of its output.
        declared_error: difference of its output between the two runs, or from the reference if an operator is wrong.
        finite: whether its output in the declared run is finite.
    """

    kind: str
    output: str
    declared_error: float
    finite: bool


@dataclass(frozen=True, slots=True)
class Localisation:
    """Result: each block, the first that differs, the operation suspected, and why."""

    blocks: list[BlockFinding]
    first_different: str | None
    suspect: Suspect | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class _Seen:
    """One intermediate value of a run."""

    kind: str
    name: str
    finite: bool
    errors: dict[int, float]
    """Difference from each reference of the same shape, by index."""


def localise(
    model: Model,
    inputs: Mapping[str, Any],
    blocks: Sequence[Reference],
    *,
    details: Sequence[Reference] = (),
    function: str | None = None,
    declared_tolerance: float = 0.02,
    float32_tolerance: float = 1e-4,
) -> Localisation:
    """Compare a package's intermediate values with a reference's, block by block.

    Args:
        model: the package.
        inputs: as for ``Model.predict``.
        blocks: the reference's block outputs for the same inputs, in order of execution. A program that breaks off
            is compared as far as it runs.
        details: values between them (such as the outputs of single layers), in order; they narrow a wrong operator
            down to the first layer that is missing. Those that the converter fused away may be missing at no harm.
        function: entry point.
        declared_tolerance: largest difference in the declared run, as a share of the reference's magnitude.
        float32_tolerance: the same in the float32 run.

    Raises:
        UsageError: if there are no blocks.
    """
    if not blocks:
        raise UsageError("Expected at least one block to look for; got none.")
    references = [*blocks, *details]
    declared, broken = _scan(model, inputs, function, "declared", references)
    exact, _ = _scan(model, inputs, function, "float32", references)
    order = range(len(blocks))
    in_declared = _match(declared, order, declared_tolerance)
    in_exact = _match(exact, order, float32_tolerance)
    findings = [
        BlockFinding(
            name,
            declared[found.index].name if found.index >= 0 else None,
            found.error,
            other.error,
            found.matched and (other.matched or found.error <= float32_tolerance),
        )
        for (name, _), found, other in zip(blocks, in_declared, in_exact, strict=True)
    ]
    first = next((i for i, finding in enumerate(findings) if not finding.matches), None)
    if first is None:
        return Localisation(findings, None, None, Verdict.SAME)
    if broken is not None:
        return Localisation(findings, findings[first].name, broken, Verdict.BROKEN)
    if not in_exact[first].matched:
        detailed = _match(exact, range(len(blocks), len(references)), float32_tolerance)
        suspect = _wrong_operator(exact, in_exact, detailed, first)
        return Localisation(findings, findings[first].name, suspect, Verdict.OPERATOR)
    start, end = _bounds(declared, in_declared, first)
    suspect = _jump(model, inputs, function, declared[start:end])
    overflow = suspect is not None and not suspect.finite
    return Localisation(findings, findings[first].name, suspect, Verdict.OVERFLOW if overflow else Verdict.ROUNDING)


def _scan(
    model: Model, inputs: Mapping[str, Any], function: str | None, compute: Compute, references: Sequence[Reference]
) -> tuple[list[_Seen], Suspect | None]:
    """Run once and note how far each value is from the references of its shape, and where the program broke off."""
    by_shape: dict[tuple[int, ...], list[tuple[int, Tensor, float]]] = {}
    for index, (_, value) in enumerate(references):
        tensor = torch.from_numpy(np.asarray(value, dtype=np.float32))
        by_shape.setdefault(tuple(tensor.shape), []).append((index, tensor, max(1.0, float(tensor.abs().max()))))
    seen: list[_Seen] = []

    def look(kind: str, name: str, value: Tensor) -> None:
        if not value.is_floating_point():
            return
        rows = by_shape.get(tuple(value.shape), [])
        errors = {index: _difference(value, tensor) / scale for index, tensor, scale in rows}
        seen.append(_Seen(kind, name, bool(torch.isfinite(value).all()), errors))

    try:
        model.run(inputs, function, observe=look, compute=compute)
    except OperationError as error:
        return seen, Suspect(error.kind, error.output, float("inf"), finite=False)
    return seen, None


def _difference(a: Tensor, b: Tensor) -> float:
    largest = float((a - b).abs().max()) if a.numel() else 0.0
    return largest if largest == largest else float("inf")


@dataclass(frozen=True, slots=True)
class _Match:
    index: int
    error: float
    matched: bool


def _match(seen: Sequence[_Seen], order: Sequence[int], tolerance: float) -> list[_Match]:
    """Find each reference after the one before it: the nearest value of its shape."""
    found: list[_Match] = []
    last = -1
    for reference in order:
        rows = [(item.errors[reference], i) for i, item in enumerate(seen) if i > last and reference in item.errors]
        error, index = min(rows, default=(float("inf"), -1))
        found.append(_Match(index, error, error <= tolerance))
        last = index if error <= tolerance else last
    return found


def _bounds(seen: Sequence[_Seen], matches: Sequence[_Match], first: int) -> tuple[int, int]:
    """Return where the values after the last block that matched begin, and end: at the next block that matches."""
    start = max((match.index for match in matches[:first] if match.matched), default=-1) + 1
    ends = [match.index for match in matches[first:] if match.matched]
    return start, ends[0] if ends else len(seen)


def _wrong_operator(
    seen: Sequence[_Seen], matches: Sequence[_Match], details: Sequence[_Match], first: int
) -> Suspect | None:
    """Return the first value that should be the detail after the last one found, and is not.

    Without details: the first value of the missing block's shape after the last block found.
    """
    start, end = _bounds(seen, matches, first)
    found = [i for i, match in enumerate(details) if match.matched and match.index < end]
    missing = first
    if found:
        start = max(start, details[found[-1]].index + 1)
        missing = len(matches) + min(found[-1] + 1, len(details) - 1)
    rest = seen[start:end]
    for item in [item for item in rest if missing in item.errors] or rest:
        return Suspect(item.kind, item.name, item.errors.get(missing, float("inf")), item.finite)
    return None


def _jump(model: Model, inputs: Mapping[str, Any], function: str | None, window: Sequence[_Seen]) -> Suspect | None:
    """Return the first operation in the window at which the declared run leaves the float32 run."""
    names = {item.name for item in window}
    exact: dict[str, Tensor] = {}

    def keep(kind: str, name: str, value: Tensor) -> None:
        if name in names and value.is_floating_point():
            exact[name] = value

    model.run(inputs, function, observe=keep, compute="float32")
    errors: list[Suspect] = []

    def compare(kind: str, name: str, value: Tensor) -> None:
        other = exact.get(name)
        if name in names and other is not None and other.shape == value.shape:
            error = _difference(value, other) / max(1.0, float(other.abs().max()))
            errors.append(Suspect(kind, name, error, bool(torch.isfinite(value).all())))

    model.run(inputs, function, observe=compare, compute="declared")
    return _first_jump(errors)


def _first_jump(errors: Sequence[Suspect]) -> Suspect | None:
    for item in errors:
        if not item.finite:
            return item
    before = 1e-3  # one rounding to float16 changes a value by at most 2^-11 of its magnitude
    for item in errors:
        if item.declared_error > JUMP * before:
            return item
        before = max(before, item.declared_error)
    return max(errors, key=lambda item: item.declared_error, default=None)
