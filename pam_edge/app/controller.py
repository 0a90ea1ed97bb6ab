"""The budget controller: which level of cost an app's next call may have, so that its deadline is kept.

A level is an entry point, of a dynamic graph with the budget that it was made for. A call is one run of the network: a
picture's deadline is what the network may take for all its tiles together, and each of them has an equal share. A call
that took ``t`` milliseconds at a predicted cost ``c`` ran at a *pace* of ``t / c``. What paces of the last calls say:
two in a hundred may be slower than the pace reckoned with. A device that slows down is noticed after two or three
calls, one that recovers when its slow calls are ``REMEMBERED`` calls ago: down at once, up slowly. A higher level must
fit with room to spare, so that levels do not swing.

Pure: no clock, no device. All numbers are float64, so that four languages take the same decisions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pam_edge.terms import Thermal

REMEMBERED = 128
"""Calls whose paces count, by compute unit."""

MAY_MISS = 0.02
"""Share of them that may have been slower than the pace reckoned with."""

ROOM_ABOVE = 0.9
"""Share of the deadline that a higher level than the one in use may be expected to take."""

REST = 32
"""Calls after a change of level before it may rise."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the device says at a call.

    Attributes:
        thermal: how hot it is. Serious forbids the highest level, critical all but the lowest.
        low_power: whether it saves power, which forbids the highest level.
        background: whether the app is not in front: only units that are allowed there are used.
    """

    thermal: Thermal = Thermal.NOMINAL
    low_power: bool = False
    background: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """A compute unit that gives right results here.

    Attributes:
        name: such as ``neural_engine``.
        in_background: whether an app may use it when it is not in front.
        pace: milliseconds per unit of predicted cost, from the self-test; None if it was not timed.
    """

    name: str
    in_background: bool
    pace: float | None


@dataclass(frozen=True, slots=True)
class Choice:
    """What the next call is to use.

    Attributes:
        level: index, from the cheapest.
        unit: name of the compute unit; None if none is allowed now.
        expected_ms: what it takes at most, but for two calls in a hundred; None where nothing was timed on the unit.
    """

    level: int
    unit: str | None
    expected_ms: float | None


@dataclass(slots=True)
class Controller:
    """Chooses levels and units.

    Attributes:
        costs: predicted cost of each level, ascending, above 0, in any one unit.
        units: in order of preference.
    """

    costs: Sequence[float]
    units: Sequence[Unit]
    _paces: Mapping[str, deque[float]] = field(init=False)
    _unit: str | None = field(init=False, default=None)
    _level: int | None = field(init=False, default=None)
    _rested: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._paces = {
            unit.name: deque([] if unit.pace is None else [unit.pace], maxlen=REMEMBERED) for unit in self.units
        }

    def choose(self, deadline_ms: float, conditions: Conditions) -> Choice:
        """Return what the next call is to use.

        Args:
            deadline_ms: that it should take at most: of a picture's deadline, the share of one run.
            conditions: of the device, now.
        """
        unit = next((each.name for each in self.units if each.in_background or not conditions.background), None)
        if unit != self._unit:
            self._unit, self._level = unit, None
        pace = None if unit is None else self.pace(unit)
        if pace is None:  # nothing is allowed, or nothing known: the cheapest
            return Choice(0, unit, None)
        most = self._most(conditions)
        fits, fits_easily = (self._highest(deadline_ms * room / pace, most) for room in (1.0, ROOM_ABOVE))
        if self._level is None or fits < self._level:
            self._level, self._rested = fits, 0
        elif fits_easily > self._level and self._rested >= REST:
            self._level, self._rested = self._level + 1, 0
        else:
            self._rested += 1
        return Choice(self._level, unit, self.costs[self._level] * pace)

    def record(self, choice: Choice, measured_ms: float) -> None:
        """Learn from a call.

        Args:
            choice: that it used.
            measured_ms: that it took, wall clock; a call that failed or was cancelled is not recorded.
        """
        if choice.unit is not None:
            self._paces[choice.unit].append(measured_ms / self.costs[choice.level])

    def pace(self, unit: str) -> float | None:
        """Return the pace that a unit is reckoned with; None if nothing was timed on it."""
        slowest = sorted(self._paces[unit], reverse=True)
        return slowest[int(MAY_MISS * len(slowest))] if slowest else None

    def _most(self, conditions: Conditions) -> int:
        """Return the highest level that conditions allow."""
        highest = len(self.costs) - 1
        if conditions.thermal is Thermal.CRITICAL:
            return 0
        spared = conditions.thermal is Thermal.SERIOUS or conditions.low_power
        return max(0, highest - 1) if spared else highest

    def _highest(self, affordable: float, most: int) -> int:
        return max((level for level in range(most + 1) if self.costs[level] <= affordable), default=0)
