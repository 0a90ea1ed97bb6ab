"""``pam-edge plan`` and ``pam-edge profile``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pam_edge.cli.options import parse_choice, parse_size
from pam_edge.cli.output import console, notices, print_json
from pam_edge.targets import Target
from pam_edge.terms import Precision

if TYPE_CHECKING:
    from pam_edge.measuring.import_samples import Imported

profile_app = typer.Typer(help="Device profiles: what a path costs on a device.", no_args_is_help=True)

TargetOption = Annotated[str | None, typer.Option(help="coreml, tflite or executorch; default: what suits the device.")]
PrecisionOption = Annotated[str | None, typer.Option(help="fp32 or fp16; default: the target's own.")]
SizeOption = Annotated[str | None, typer.Option(help="Pixels, a multiple of 32: 512 or 384x512 (height first).")]
CheckpointOption = Annotated[str, typer.Option(help="Variant name or checkpoint file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def plan(
    profile: Annotated[str | None, typer.Option(help="Device profile, by name or file; none plans by MACs.")] = None,
    budget: Annotated[list[str] | None, typer.Option(help="12ms, 60GMAC, 80% or a name. Default: the three.")] = None,
    target: TargetOption = None,
    precision: PrecisionOption = None,
    size: SizeOption = None,
    checkpoint: CheckpointOption = "pam-tiny",
    plot: Annotated[Path | None, typer.Option(help="Also draw the Pareto front into this PNG.")] = None,
    json: JsonOption = False,
) -> None:
    """Show the path chosen for each budget, its predicted cost, and the Pareto front."""
    chosen_target, chosen_precision, chosen_size = _parse_conditions(target, precision, size)
    from pam_edge.measuring.host import NAME as HOST
    from pam_edge.measuring.host import host_file
    from pam_edge.planning.budget import DEFAULT_BUDGETS, parse_budget
    from pam_edge.planning.service import make_report, report_record

    budgets = tuple(map(parse_budget, budget)) if budget else DEFAULT_BUDGETS
    if profile == HOST and (chosen_target or not host_file().is_file()):
        from pam_edge.cli.host import measure_host_if_new

        target_here, size_here = chosen_target or Target.TFLITE, chosen_size or (512, 512)
        measure_host_if_new(profile, checkpoint, (target_here,), chosen_precision, size_here, quiet=json)
    report = make_report(checkpoint, budgets, profile, chosen_target, chosen_precision, chosen_size)
    if plot:
        from pam_edge.cli.front_plot import plot_front

        plot_front(report, plot)
    if json:
        print_json(report_record(report) | ({"plot": str(plot)} if plot else {}))
        return
    from pam_edge.cli.tables import front_chart, plans_table

    console.print(plans_table(report))
    console.print(front_chart(report))
    if plot:
        console.print(f"{plot}", style="dim")


@profile_app.command("list")
def list_command(json: JsonOption = False) -> None:
    """List the profiles that can be named."""
    from pam_edge.device_profiles import list_profiles

    listed = list_profiles()
    if not json:
        from pam_edge.cli.tables import profiles_table

        console.print(profiles_table(listed))
        return
    rows = [
        {
            "name": entry.name,
            "file": str(entry.file),
            "bundled": entry.bundled,
            "device": entry.profile.device if entry.profile else None,
            "provenance": entry.profile.provenance if entry.profile else None,
            "problem": entry.problem or None,
        }
        for entry in listed
    ]
    print_json({"profiles": rows})


@profile_app.command("show")
def show_command(
    name: Annotated[str, typer.Argument(help="Profile, by name or file.")],
    target: TargetOption = None,
    precision: PrecisionOption = None,
    size: SizeOption = None,
    variant: Annotated[str | None, typer.Option(help="Variant whose blocks are shown.")] = None,
    json: JsonOption = False,
) -> None:
    """Show what each block costs on a device, and where the numbers come from."""
    asked = _parse_conditions(target, precision, size)
    from pam_edge.device_profiles import load_profile
    from pam_edge.planning.service import costs_record, default_conditions, describe_basis, device_costs, tables_for
    from pam_edge.supernet.variants import variant as find_variant

    profile = load_profile(name)
    conditions = default_conditions(profile, *asked, variant)
    measured = [table for table in tables_for(profile, conditions) if variant in (None, table.variant)]
    config = find_variant(variant or (measured[-1].variant if measured else "pam-tiny"))
    costs = device_costs(profile, config, conditions)
    basis = describe_basis(profile, config, conditions)
    if json:
        record = {"basis": basis, "variant": config.name, "costs": costs_record(costs, config.block_names)}
        print_json(record | {"profile": profile.model_dump(mode="json", exclude_none=True)})
        return
    from pam_edge.cli import tables

    console.print(f"[bold]{profile.name}[/]: {profile.device}, {profile.soc}, {profile.os}; costs are", end=" ")
    console.print(tables.provenance_text(costs.provenance))
    console.print(tables.sources_table(profile) if profile.estimate else tables.provenance_table(measured[-1]))
    title = f"{config.name}, {conditions.height}x{conditions.width}, {conditions.target} {conditions.precision}"
    console.print(tables.costs_chart(costs, config.block_names, f"{title}: {costs.provenance}"))
    console.print(basis, style="dim")


@profile_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="Samples: one JSON object, from any device.")],
    name: Annotated[str | None, typer.Option(help="Profile's name; default: from the device's.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Profile to write; default: a user's.")] = None,
    json: JsonOption = False,
) -> None:
    """Fit per-block costs to measured samples, and keep them as a profile (or add them to one)."""
    from pam_edge.device_profiles.loader import user_folder
    from pam_edge.device_profiles.writer import derive_profile_name
    from pam_edge.measuring.import_samples import import_samples
    from pam_edge.measuring.samples import read_samples

    chosen = name or (output.stem if output else derive_profile_name(read_samples(file).device))
    print_imported(import_samples(file, chosen, output or user_folder() / f"{chosen}.toml"), json=json)


@profile_app.command("operators")
def operators_command(
    directory: Annotated[Path, typer.Argument(help="Artifact folder, static or multi.")],
    profiles: Annotated[
        list[Path], typer.Argument(help="ENTRY.csv (benchmark_model, as CSV) or ENTRY.etdp, three or more.")
    ],
    device: Annotated[str, typer.Option(help="That made the profiles, such as 'Pixel 8'.")],
    soc: Annotated[str, typer.Option(help="Of the device.")],
    os: Annotated[str, typer.Option(help="Of the device, such as 'Android 15'.")],
    runtime_version: Annotated[str, typer.Option(help="Of the runtime that was profiled.")],
    threads: Annotated[int, typer.Option(min=1, help="That it used.")] = 1,
    name: Annotated[str | None, typer.Option(help="Profile's name; default: from the device's.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Profile to write; default: a user's.")] = None,
    json: JsonOption = False,
) -> None:
    """Read per-block costs from a runtime's operator profiles, and keep them as a profile (or add them to one)."""
    from pam_edge.device_profiles.loader import user_folder
    from pam_edge.device_profiles.writer import derive_profile_name
    from pam_edge.measuring.import_operators import Device, import_operator_profiles

    chosen = name or (output.stem if output else derive_profile_name(device))
    made_by = Device(device, soc, os, runtime_version, threads)
    file = output or user_folder() / f"{chosen}.toml"
    print_imported(import_operator_profiles(directory, profiles, made_by, chosen, file), json=json)


def print_imported(done: Imported, *, json: bool) -> None:
    """Say what was fitted, how well, and where it is."""
    if json:
        print_json(_import_record(done))
        return
    from pam_edge.cli.tables import provenance_table

    console.print(provenance_table(done.table))
    for notice in done.table.provenance.notices:
        notices.print(f"[yellow]Notice:[/] {notice}")
    if done.set_aside:
        notices.print(
            f"[yellow]Notice:[/] the profile that was there could not take this, and is kept as {done.set_aside}"
        )
    verb = "replaced a table in" if done.replaced else "added to"
    console.print(f"{verb} {done.file}: use it with --profile {done.profile.name}", soft_wrap=True)


def _import_record(done: Imported) -> dict[str, object]:
    made = done.table.provenance
    return {
        "held_out_median_error_pct": made.held_out_median_error_pct,
        "held_out_worst_error_pct": made.held_out_worst_error_pct,
        "samples": made.samples,
        "paths": made.paths,
        "file": str(done.file),
        "profile": done.profile.name,
        "replaced": done.replaced,
        "set_aside": str(done.set_aside) if done.set_aside else None,
        "notices": list(made.notices),
    }


def _parse_conditions(
    target: str | None, precision: str | None, size: str | None
) -> tuple[Target | None, Precision | None, tuple[int, int] | None]:
    return (
        parse_choice("--target", target, Target) if target else None,
        parse_choice("--precision", precision, Precision) if precision else None,
        parse_size(size) if size else None,
    )
