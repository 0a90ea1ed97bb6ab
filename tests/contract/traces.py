"""Traces of devices for the controller: what each call would have taken beside what it takes on a quiet device.

``steady`` and ``bursts`` were recorded: LiteRT, pam-tiny at 256x256, one thread, on two cores of a server, at the
highest priority and at the usual one while other processes came and went (``recorded.json``; the slowdown is a call's
time over the median at the highest priority).
``heating`` and ``recovery`` are drawn: no device here gets hot.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pam_edge.app.controller import REMEMBERED

_RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
SETTLED_AFTER = REMEMBERED
"""Calls after which a controller has nothing but the device to go by."""


@dataclass(frozen=True, slots=True)
class TracedUnit:
    """A compute unit with the pace that the self-test saw and the true one, milliseconds per unit of cost."""

    name: str
    in_background: bool
    self_test_pace: float | None
    true_pace: float


@dataclass(frozen=True, slots=True)
class Call:
    """What the device is like at a call, and how much longer than usual it takes."""

    deadline_ms: float
    slowdown: float
    thermal: str = "nominal"
    low_power: bool = False
    background: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """A device over time."""

    name: str
    costs: tuple[float, ...]
    units: tuple[TracedUnit, ...]
    calls: tuple[Call, ...]

    def case(self) -> dict[str, Any]:
        units = [asdict(unit) for unit in self.units]
        return {
            "name": self.name,
            "costs": list(self.costs),
            "units": units,
            "calls": [asdict(call) for call in self.calls],
        }


_COSTS = (20.2, 24.3, 25.7)
_FOUR = (5.0, 8.0, 13.0, 20.0)
_CPU = TracedUnit("cpu", True, 1.0, 1.0)


def _calls(slowdowns: Sequence[float], deadline_ms: float, **conditions: Any) -> tuple[Call, ...]:
    return tuple(Call(deadline_ms, slowdown, **conditions) for slowdown in slowdowns)


def _heating() -> tuple[Call, ...]:
    """Ten minutes of video that throttle a device to half its pace, with the states that a phone would tell."""
    made = []
    for number in range(600):
        slowdown = round(1.0 + max(0.0, min(1.0, (number - 120) / 300)), 4)
        thermal = "nominal" if number < 150 else "fair" if number < 300 else "serious" if number < 450 else "critical"
        made.append(Call(30.0, slowdown, thermal))
    return tuple(made)


def _recovery() -> tuple[Call, ...]:
    """The same device cooling down."""
    made = []
    for number in range(600):
        slowdown = round(2.0 - max(0.0, min(1.0, number / 300)), 4)
        thermal = "critical" if number < 60 else "serious" if number < 180 else "fair" if number < 360 else "nominal"
        made.append(Call(30.0, slowdown, thermal))
    return tuple(made)


def all_traces() -> Iterator[Trace]:
    steady, bursts = _RECORDED["steady"], _RECORDED["bursts"]
    yield Trace("steady, every level fits", _COSTS, (_CPU,), _calls(steady, 40.0))
    yield Trace("steady, the highest level does not fit", _FOUR, (_CPU,), _calls(steady, 16.0))
    yield Trace("steady, no level fits", _COSTS, (_CPU,), _calls(steady, 10.0))
    yield Trace("bursts", _FOUR, (_CPU,), _calls(bursts, 33.3))
    yield Trace("heating", _FOUR, (_CPU,), _heating())
    yield Trace("recovery", _FOUR, (_CPU,), _recovery())
    late = (TracedUnit("cpu", True, 0.6, 1.0),)
    yield Trace("the self-test was too hopeful", _FOUR, late, _calls(steady, 16.0))
    early = (TracedUnit("cpu", True, 2.5, 1.0),)
    yield Trace("the self-test was too careful", _FOUR, early, _calls(steady, 24.0))
    unknown = (TracedUnit("cpu", True, None, 1.0),)
    yield Trace("never timed", _FOUR, unknown, _calls(steady, 24.0))
    units = (TracedUnit("gpu", False, 0.5, 0.5), TracedUnit("cpu", True, None, 1.0))
    away = _calls(steady[:100], 16.0) + _calls(steady, 16.0, background=True) + _calls(steady, 16.0)
    yield Trace("to the background and back", _FOUR, units, away)
    yield Trace("nothing runs in the background", _FOUR, units[:1], away)
    low = _calls(steady[:100], 40.0, low_power=True) + _calls(steady, 40.0)
    yield Trace("low power, then not", _FOUR, (_CPU,), low)
    changing = tuple(Call(33.3 if number // 50 % 2 else 12.0, 1.0) for number in range(400))
    yield Trace("deadlines that change", _FOUR, (_CPU,), changing)
    edge = tuple(Call(14.5, slowdown) for slowdown in steady)
    yield Trace("a deadline that a level just fits", _FOUR, (_CPU,), edge)
