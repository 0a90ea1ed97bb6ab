"""Costs of a network on a device, from its profile."""

from __future__ import annotations

from pam_edge.device_profiles.schema import DeviceProfile, Estimate, Measurement
from pam_edge.errors import ProfileError
from pam_edge.planning.conditions import Conditions
from pam_edge.planning.cost import CostTable
from pam_edge.planning.roofline import choose_machine, estimate_costs
from pam_edge.terms import ComputeUnit, CostUnit, Mode


def profile_costs(profile: DeviceProfile, conditions: Conditions) -> CostTable:
    """Return milliseconds of any path of a network on a device.

    An estimated profile answers for any network and size. A measured one answers for what was measured, and for
    nothing else.

    Raises:
        ProfileError: if the profile does not cover what is asked; names the command that measures it.
    """
    if profile.estimate is not None:
        return estimate_costs(choose_machine(profile.name, profile.estimate, conditions), conditions)
    return measured_costs(_measurement(profile, conditions), dynamic=conditions.chooses)


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


def measurements_for(profile: DeviceProfile, conditions: Conditions) -> tuple[Measurement, ...]:
    """Return the measured tables of these conditions, on whatever compute unit; the latest last."""
    asked = (*conditions.on_device, conditions.height, conditions.width, conditions.config.name)
    return tuple(
        table
        for table in profile.measurements
        if (table.target, table.precision, table.height, table.width, table.variant) == asked
        and conditions.threads in (None, table.threads)
    )


def describe_basis(profile: DeviceProfile | None, conditions: Conditions) -> str:
    """Return one line on where costs come from, such as ``iPhone 13: estimated for the neural engine: ...``.

    Raises:
        ProfileError: as ``profile_costs``.
    """
    if profile is None:
        return f"multiply-accumulates, counted at {conditions.height}x{conditions.width}; no device"
    if profile.estimate is not None:
        return f"{profile.device}: {_describe_estimate(profile.name, profile.estimate, conditions)}"
    table = _measurement(profile, conditions)
    threads = f"{table.threads} thread{'s' * (table.threads > 1)}"
    unit = f"on the {table.compute_unit.label}, {threads}"
    return f"{profile.device}: {table.provenance.kind} with {conditions}, {unit}"


def measure_command(conditions: Conditions) -> str:
    """Return the command that measures what a profile lacks."""
    target, precision = conditions.on_device
    threads = f" --threads {conditions.threads}" if conditions.threads not in (None, 1) else ""
    verb = "measure" if target.facts.why_not_timed_here is None else "kit -o kit"
    return (
        f"pam-edge profile {verb} --target {target} --precision {precision} --checkpoint {conditions.config.name} "
        f"--size {conditions.height}x{conditions.width}{threads}"
    )


def _describe_estimate(name: str, estimate: Estimate, conditions: Conditions) -> str:
    machine = choose_machine(name, estimate, conditions)
    cores = f", {machine.threads} cores" if machine.threads else ""
    return (
        f"estimated for the {machine.unit.label}{cores}: {machine.gmacs_per_s:,.0f} GMAC/s and "
        f"{machine.gb_per_s:g} GB/s at their published peaks"
    )


def _measurement(profile: DeviceProfile, conditions: Conditions) -> Measurement:
    """Return the table that holds, of the compute unit that apps' graphs run on where that was measured.

    A static graph's costs on another unit serve where no others are known: ``describe_basis`` tells the unit.
    """
    target, precision = conditions.on_device
    tables = measurements_for(profile, conditions)
    if not tables:
        raise ProfileError(_not_measured(profile, conditions))
    wanted = conditions.compute_unit or target.facts.compute_unit(precision, conditions.mode)
    by_unit = {table.compute_unit: table for table in tables}
    table = by_unit.get(wanted)
    if table is None and (conditions.chooses or conditions.compute_unit):
        raise ProfileError(_wrong_unit(profile, conditions, wanted, tuple(by_unit)))
    table = table or tables[-1]
    _check_architecture(profile, table, conditions)
    return table


def _not_measured(profile: DeviceProfile, conditions: Conditions) -> str:
    has = "; ".join(
        f"{t.variant} with {t.target} in {t.precision} at {t.height}x{t.width}, {t.compute_unit.label}, "
        f"threads {t.threads}"
        for t in profile.measurements
    )
    threads = f" with {conditions.threads} threads" if conditions.threads else ""
    return (
        f"The profile {profile.name} was not measured for {conditions}{threads}. It has: {has}. Measure it on the "
        f"device: {measure_command(conditions)}"
    )


def _wrong_unit(
    profile: DeviceProfile, conditions: Conditions, wanted: ComputeUnit, has: tuple[ComputeUnit, ...]
) -> str:
    found = f"The profile {profile.name} measured {conditions} on the {' and the '.join(unit.label for unit in has)}"
    if conditions.mode is not Mode.DYNAMIC:
        return f"{found}, not on the {wanted.label}. Measure it on the device: {measure_command(conditions)}"
    return (
        f"{found}, which does not promise to take a graph that chooses; such a graph runs on the {wanted.label}. "
        f"Measure with --unit {wanted}, convert in mode multi, or leave the profile out, so that the graph counts "
        "GMACs."
    )


def _check_architecture(profile: DeviceProfile, table: Measurement, conditions: Conditions) -> None:
    config = conditions.config
    names = tuple(block.name for block in table.blocks)
    if table.architecture_hash == config.architecture_hash() and names == config.block_names:
        return
    raise ProfileError(
        f"The profile {profile.name} measured {table.variant} of architecture {table.architecture_hash} with "
        f"{len(names)} blocks; the network at hand is {config.architecture_hash()} with {config.block_count}. Measure "
        f"again: {measure_command(conditions)}"
    )
