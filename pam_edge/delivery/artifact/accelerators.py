"""Which accelerators a file suits, and why, by its target's facts."""

from __future__ import annotations

from pam_edge.delivery.artifact.manifest import AcceleratorRecord
from pam_edge.targets import Accelerator, Target
from pam_edge.terms import Mode, Precision


def accelerators(target: Target, mode: Mode, precision: Precision) -> tuple[AcceleratorRecord, ...]:
    """Return what is known of each accelerator that the target's runtime can use."""
    return tuple(_record(each, mode, precision) for each in target.facts.accelerators)


def _record(known: Accelerator, mode: Mode, precision: Precision) -> AcceleratorRecord:
    if precision in known.refused:
        return AcceleratorRecord(accelerator=known.name, suits=False, why=known.refused[precision])
    if mode is Mode.DYNAMIC:
        return AcceleratorRecord(accelerator=known.name, suits=known.takes_choices, why=known.choosing)
    return AcceleratorRecord(
        accelerator=known.name, suits=True, why=known.fixed_by_precision.get(precision, known.fixed)
    )
