"""The fallback ladder: which compute unit an app uses, from what the golden vectors gave on each of them.

The last unit is the CPU, the measure of all others: a unit that cannot load the file, computes something else, or is no
faster than the CPU is stepped over, and the app is told why. Where no unit is right, nothing is cut out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Why a unit is stepped over."""

    CANNOT_LOAD = "cannot load"
    WRONG = "wrong"
    SLOWER = "slower than the CPU"


@dataclass(frozen=True, slots=True)
class Trial:
    """What the self-test found on one compute unit.

    Attributes:
        unit: its name.
        error: what loading or running said; None if it ran.
        is_right: whether all golden vectors passed; None if it did not run.
        latency_ms: median of the warm calls; None if it did not run.
    """

    unit: str
    error: str | None
    is_right: bool | None
    latency_ms: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """A unit that is stepped over, and why."""

    unit: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the self-test says.

    Attributes:
        unit: to use; None if no unit is right.
        steps: the units before it that are not used, in order; all of them if none is right.
    """

    unit: str | None
    steps: tuple[Step, ...]


def decide(trials: Sequence[Trial]) -> Verdict:
    """Return the unit to use.

    Args:
        trials: in order of preference, the CPU last.
    """
    cpu = trials[-1]
    limit_ms = cpu.latency_ms if cpu.is_right else None
    steps: list[Step] = []
    for trial in trials:
        fault = _fault(trial, None if trial is cpu else limit_ms)
        if fault is None:
            return Verdict(trial.unit, tuple(steps))
        steps.append(Step(trial.unit, fault))
    return Verdict(None, tuple(steps))


def _fault(trial: Trial, limit_ms: float | None) -> Fault | None:
    if trial.error is not None or trial.is_right is None or trial.latency_ms is None:
        return Fault.CANNOT_LOAD
    if not trial.is_right:
        return Fault.WRONG
    return Fault.SLOWER if limit_ms is not None and trial.latency_ms > limit_ms else None


def verdict_key(device: str, system: str, runtime: str, model_sha256: Sequence[str]) -> str:
    """Return what a verdict is remembered under: another device, system, runtime or model must be tried anew.

    Args:
        device: such as ``iPhone14,5``.
        system: with its build, such as ``iOS 26.1 (23B85)``.
        runtime: with its version, such as ``LiteRT 2.3.0``.
        model_sha256: of the artifact's files, in the order of its entry points.
    """
    return "|".join([device, system, runtime, *dict.fromkeys(model_sha256)])
