"""Costs of a variant on a device, from its profile."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from pam_edge.device_profiles.schema import DeviceProfile, Measurement
from pam_edge.errors import ProfileError, UsageError
from pam_edge.planning.cost import CostTable
from pam_edge.planning.roofline import choose_machine, estimate_costs
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, CostUnit, Precision

if TYPE_CHECKING:
    from pam_edge.supernet.config import SupernetConfig

_E = TypeVar("_E", bound=Enum)


def profile_cost_table(
    profile: DeviceProfile,
    *,
    target: str,
    precision: str,
    height: int,
    width: int,
    config: SupernetConfig,
    threads: int | None = None,
    dynamic: bool = False,
) -> CostTable:
    """Return milliseconds of any path of a variant on a device.

    An estimated profile answers for any variant and size. A measured one answers for what was measured, and for
    nothing else.

    Args:
        profile: of the device.
        target: ``coreml``, ``tflite`` or ``executorch`` (a string, or an enum with that value).
        precision: ``fp32`` or ``fp16``, likewise.
        height: of the image, a multiple of 32.
        width: likewise.
        config: the variant.
        threads: that were measured with; None takes the latest measurement, which ``describe_conditions`` tells.
        dynamic: costs inside a graph that chooses, which are the probe's (Core ML: those of the CPU, which alone takes
            control flow); else those of static graphs.

    Raises:
        ProfileError: if the profile does not cover what is asked; names the command that measures it.
        UsageError: if target or precision are unknown.
    """
    wanted_target, wanted_precision = _member(Target, target), _member(Precision, precision)
    if profile.estimate is not None:
        machine = choose_machine(profile.name, profile.estimate, wanted_target, wanted_precision, dynamic=dynamic)
        return estimate_costs(machine, config, height, width)
    table = _latest(profile, wanted_target, wanted_precision, height, width, config.name, threads)
    if table is None:
        raise ProfileError(_not_measured(profile, wanted_target, wanted_precision, height, width, config.name))
    _check_architecture(profile, table, config)
    if dynamic and wanted_target is Target.COREML and table.compute_unit is not ComputeUnit.CPU:
        raise ProfileError(
            f"The profile {profile.name} measured Core ML on the {table.compute_unit.replace('_', ' ')}, which "
            "does not promise to take a graph that chooses; such a graph runs on the CPU. Measure with --unit cpu, "
            "convert with --mode multi, or leave --profile out, so that the graph counts GMACs."
        )
    return measured_costs(table, dynamic=dynamic)


def _latest(
    profile: DeviceProfile,
    target: Target,
    precision: Precision,
    height: int,
    width: int,
    variant: str,
    threads: int | None = None,
) -> Measurement | None:
    asked = (target, precision, height, width, variant)
    for table in reversed(profile.measurements):
        holds_for = (table.target, table.precision, table.height, table.width, table.variant)
        if holds_for == asked and threads in (None, table.threads):
            return table
    return None


def measured_costs(table: Measurement, *, dynamic: bool = False) -> CostTable:
    """Return a measured table as costs: of static graphs where they were timed, unless a dynamic graph's are asked."""
    static = None if dynamic else table.static_graphs
    scale, offset = (static.scale, static.offset_ms) if static else (1.0, 0.0)
    return CostTable(
        unit=CostUnit.MS,
        provenance=table.provenance.kind,
        # A negative offset can exceed the fixed part, which holds little more than a convention's share of all costs.
        fixed=max(0.0, scale * table.fixed_ms + offset),
        run=tuple(scale * block.run_ms for block in table.blocks),
        bypass=tuple(scale * block.bypass_ms for block in table.blocks),
        fixed_error=scale * table.fixed_error_ms,
        run_errors=tuple(scale * block.run_error_ms for block in table.blocks),
        bypass_errors=tuple(scale * block.bypass_error_ms for block in table.blocks),
        path_error=scale * table.path_error_ms,
        scatter=scale * table.scatter_ms,
    )


def describe_conditions(
    profile: DeviceProfile, *, target: str, precision: str, config: SupernetConfig, height: int, width: int
) -> str:
    """Return one line on what the costs hold for, such as ``estimated for the neural engine, fp16``."""
    word = profile.provenance
    wanted_target, wanted_precision = _member(Target, target), _member(Precision, precision)
    if profile.estimate is None:
        table = _latest(profile, wanted_target, wanted_precision, height, width, config.name)
        threads = f", {table.threads} thread{'s' * (table.threads > 1)}" if table else ""
        return f"{word} with {target} {precision}, {config.name}, {height}x{width}{threads}"
    machine = choose_machine(profile.name, profile.estimate, wanted_target, wanted_precision)
    cores = f", {machine.threads} cores" if machine.threads else ""
    return (
        f"{word} for the {machine.unit.replace('_', ' ')}{cores}: {machine.gmacs_per_s:,.0f} GMAC/s and "
        f"{machine.gb_per_s:g} GB/s at their published peaks"
    )


def measure_command(target: Target, precision: Precision, height: int, width: int, variant: str) -> str:
    """Return the command that measures what a profile lacks."""
    return (
        f"pam-edge profile measure --target {target} --precision {precision} --checkpoint {variant} "
        f"--size {height}x{width}"
    )


def _member(kind: type[_E], value: str | Enum) -> _E:
    text = value.value if isinstance(value, Enum) else value
    try:
        return kind(text)
    except ValueError as e:
        known = ", ".join(str(member.value) for member in kind)
        raise UsageError(f"Expected the {kind.__name__.lower()} to be one of {known}; got {text!r}.") from e


def _not_measured(
    profile: DeviceProfile, target: Target, precision: Precision, height: int, width: int, variant: str
) -> str:
    asked = f"{variant} with {target} in {precision} at {height}x{width}"
    has = "; ".join(
        f"{t.variant} with {t.target} in {t.precision} at {t.height}x{t.width}, threads {t.threads}"
        for t in profile.measurements
    )
    command = measure_command(target, precision, height, width, variant)
    return (
        f"The profile {profile.name} was not measured for {asked}. It has: {has}. Measure it on the device: {command}"
    )


def _check_architecture(profile: DeviceProfile, table: Measurement, config: SupernetConfig) -> None:
    names = tuple(block.name for block in table.blocks)
    if table.architecture_hash == config.architecture_hash() and names == config.block_names:
        return
    command = measure_command(table.target, table.precision, table.height, table.width, config.name)
    raise ProfileError(
        f"The profile {profile.name} measured {table.variant} of architecture {table.architecture_hash} with "
        f"{len(names)} blocks; the network at hand is {config.architecture_hash()} with {config.block_count}. Measure "
        f"again: {command}"
    )
