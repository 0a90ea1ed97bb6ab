"""Estimate milliseconds from a device's published peaks.

An operator takes the longer of two times: its multiply-accumulates at the peak rate, and its bytes at the peak memory
bandwidth. Real operators reach neither peak (which makes an estimate too low), and activations that stay in a cache
never travel to memory (which makes it too high). So an estimate is a way to start without a device, good for
comparing paths, and no bound on anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_edge.device_profiles.schema import Estimate, Peak, UnitPeaks
from pam_edge.errors import ProfileError
from pam_edge.planning.conditions import Conditions
from pam_edge.planning.cost import CostTable
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, CostUnit, Mode, Precision, Provenance

if TYPE_CHECKING:
    from pam_edge.planning.operators import Operator


@dataclass(frozen=True, slots=True)
class Machine:
    """What an estimate assumes for one target and precision.

    Attributes:
        unit: where the arithmetic happens.
        threads: cores used; None off the CPU.
        gmacs_per_s: peak rate.
        gb_per_s: peak memory bandwidth.
        activation_bytes: per element.
        weight_bytes: per element.
    """

    unit: ComputeUnit
    threads: int | None
    gmacs_per_s: float
    gb_per_s: float
    activation_bytes: float
    weight_bytes: float

    def latency_ms(self, operators: Iterable[Operator]) -> float:
        """Return the time of operators that run one after the other."""
        return 1e3 * sum(map(self._seconds, operators))

    def _seconds(self, operator: Operator) -> float:
        moved_bytes = operator.activations * self.activation_bytes + operator.weights * self.weight_bytes
        return max(operator.macs / (self.gmacs_per_s * 1e9), moved_bytes / (self.gb_per_s * 1e9))


def choose_machine(name: str, estimate: Estimate, conditions: Conditions) -> Machine:
    """Return what the target would use on this device, as its facts say.

    Raises:
        ProfileError: if the profile has no peak for it.
    """
    target, precision = conditions.on_device
    facts = target.facts
    arithmetic = facts.arithmetic_of(precision)
    usual = facts.compute_unit(precision, Mode.STATIC)
    peaks, peak = _find(name, estimate, target, usual, arithmetic)
    # Only after the usual unit was found: a phone without one does not have the target.
    unit = conditions.compute_unit or facts.compute_unit(precision, conditions.mode)
    if unit is not usual:
        peaks, peak = _find(name, estimate, target, unit, arithmetic)
    return Machine(
        unit=unit,
        threads=peaks.threads,
        gmacs_per_s=peak.gmacs_per_s,
        gb_per_s=estimate.memory_bandwidth.gb_per_s,
        activation_bytes=arithmetic.bytes,
        weight_bytes=precision.bytes,
    )


def _find(
    name: str, estimate: Estimate, target: Target, unit: ComputeUnit, precision: Precision
) -> tuple[UnitPeaks, Peak]:
    for peaks in estimate.compute_units:
        for peak in peaks.peaks:
            if peaks.unit is unit and peak.precision is precision:
                return peaks, peak
    has = ", ".join(f"{u.unit} {p.precision}" for u in estimate.compute_units for p in u.peaks)
    raise ProfileError(
        f"{target} in {precision} would use the {unit.replace('_', ' ')} of {name}, for which the "
        f"profile has no peak (it has {has}). Take another device, target or precision."
    )


def estimate_costs(machine: Machine, conditions: Conditions) -> CostTable:
    """Return estimated milliseconds of any path."""
    from pam_edge.planning.operators import list_operators

    operators = list_operators(conditions.config, conditions.height, conditions.width)
    return CostTable(
        unit=CostUnit.MS,
        provenance=Provenance.ESTIMATED,
        fixed=machine.latency_ms(operators.fixed),
        run=tuple(map(machine.latency_ms, operators.run)),
        bypass=tuple(map(machine.latency_ms, operators.bypass)),
    )
