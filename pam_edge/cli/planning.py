"""``pam-edge plan`` and ``pam-edge profile``."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from pam_edge.cli.failures import EXIT_CODES
from pam_edge.cli.output import note, print_json, say, show
from pam_edge.supernet.sizes import parse_size
from pam_edge.targets import Target
from pam_edge.terms import Precision, parse_choice

if TYPE_CHECKING:
    from pam_edge.measuring.import_samples import Imported

profile_app = typer.Typer(
    help="Device profiles: what a path costs on a device.", no_args_is_help=True, epilog=EXIT_CODES
)

TargetOption = Annotated[str | None, typer.Option(help="coreml, tflite, executorch or coreai; default: what suits.")]
PrecisionOption = Annotated[str | None, typer.Option(help="fp32, fp16, int8, w8 or w6; default: the target's own.")]
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
    asked = _parse_conditions(target, precision, size)
    from pam_edge.api import plan as plan_budgets
    from pam_edge.cli.front_plot import check_plot, plot_front
    from pam_edge.planning.budget import NAMED_BUDGETS

    if plot:
        check_plot(plot)
    _measure_if_host(profile, checkpoint, asked, quiet=json)
    chosen_target, chosen_precision, chosen_size = asked
    planned = plan_budgets(
        checkpoint,
        budget or tuple(NAMED_BUDGETS),
        profile=profile,
        target=chosen_target,
        precision=chosen_precision,
        size=chosen_size,
    )
    if plot:
        plot_front(planned, plot)
    if json:
        from pam_edge.cli.plan_records import planned_record

        print_json(planned_record(planned) | ({"plot": str(plot)} if plot else {}))
        return
    from pam_edge.cli.tables import front_chart, plans_table

    show(plans_table(planned))
    show(front_chart(planned))
    if plot:
        say(str(plot), style="dim")


def _measure_if_host(profile: str | None, checkpoint: str, asked: _Asked, *, quiet: bool) -> None:
    """Measure this machine where its profile is asked for and does not exist, or not for the target that is named."""
    from pam_edge.measuring.host import NAME as HOST
    from pam_edge.measuring.host import host_file

    target, precision, size = asked
    if profile != HOST or (host_file().is_file() and target is None):
        return
    from pam_edge.cli.host import measure_host_if_new
    from pam_edge.planning.service import DEFAULT_SIZE

    here = target or next(each for each in Target if each.facts.why_not_timed_here is None)
    measure_host_if_new(profile, checkpoint, (here,), precision, size or DEFAULT_SIZE, quiet=quiet)


@profile_app.command("list", epilog=EXIT_CODES)
def list_command(json: JsonOption = False) -> None:
    """List the profiles that can be named."""
    from pam_edge.device_profiles import list_profiles

    listed = list_profiles()
    if not json:
        from pam_edge.cli.tables import profiles_table

        show(profiles_table(listed))
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


@profile_app.command("show", epilog=EXIT_CODES)
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
    from pam_edge.planning.device_costs import describe_basis, measurements_for
    from pam_edge.planning.service import costs_for, default_conditions
    from pam_edge.supernet.variants import variant as find_variant

    profile = load_profile(name)
    latest = profile.measurements[-1].variant if profile.measurements else "pam-tiny"
    config = find_variant(variant or latest)
    conditions = default_conditions(config, profile, *asked)
    costs, basis = costs_for(conditions, profile), describe_basis(profile, conditions)
    if json:
        from pam_edge.cli.plan_records import costs_record

        record = {"basis": basis, "variant": config.name, "costs": costs_record(costs, config.block_names)}
        print_json(record | {"profile": profile.model_dump(mode="json", exclude_none=True)})
        return
    from pam_edge.cli import tables

    made_for = f": {profile.device}, {profile.soc}, {profile.os}; costs are "
    say((profile.name, "bold"), made_for, tables.provenance_text(costs.provenance))
    measured = measurements_for(profile, conditions)
    show(tables.provenance_table(measured[-1]) if measured else tables.sources_table(profile))
    title = f"{config.name}, {conditions.height}x{conditions.width}, {conditions.target} {conditions.precision}"
    show(tables.costs_chart(costs, config.block_names, f"{title}: {costs.provenance}"))
    say(basis, style="dim")


@profile_app.command("import", epilog=EXIT_CODES)
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


@profile_app.command("operators", epilog=EXIT_CODES)
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
    from pam_edge.device_profiles.loader import user_folder

    show(provenance_table(done.table))
    for notice in done.table.provenance.notices:
        note(("Notice: ", "yellow"), notice)
    if done.set_aside:
        note(("Notice: ", "yellow"), f"the profile that was there could not take this, and is kept as {done.set_aside}")
    verb = "replaced a table in" if done.replaced else "added to"
    is_found = done.file.parent == user_folder()  # by its name alone
    say(f"{verb} {done.file}: use it with --profile {done.profile.name if is_found else quote(str(done.file))}")


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


_Asked = tuple[Target | None, Precision | None, tuple[int, int] | None]


def _parse_conditions(target: str | None, precision: str | None, size: str | None) -> _Asked:
    return (
        parse_choice("--target", target, Target) if target else None,
        parse_choice("--precision", precision, Precision) if precision else None,
        parse_size(size) if size else None,
    )
