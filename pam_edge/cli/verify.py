"""``pam-edge verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pam_edge.cli.convert import print_quality
from pam_edge.cli.half_range import half_ranges_json, print_half_ranges
from pam_edge.cli.output import parity_word, print_json, progress, say, show
from pam_edge.errors import UsageError

if TYPE_CHECKING:
    from pam_edge.delivery.artifact.manifest import ParityRecord
    from pam_edge.evaluation.half_range import HalfRange


def verify(
    directory: Annotated[Path, typer.Argument(help="Artifact folder.")],
    images: Annotated[Path | None, typer.Option(help="Pictures with trimaps or alphas to judge on.")] = None,
    checkpoint: Annotated[str | None, typer.Option(help="Name or file; default: the manifest's.")] = None,
    runtime: Annotated[
        str | None,
        typer.Option(help="litert, executorch, coreai, coreml (macOS), reference; default: all there are here."),
    ] = None,
    device_outputs: Annotated[
        Path | None, typer.Option(help="Alphas that a device computed from golden/, to compare instead.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run an artifact and compare it with the supernet; exit 1 and name the first diverging block if it differs."""
    from pam_edge.delivery.artifact.manifest import read_manifest
    from pam_edge.evaluation.pictures import judged_on

    ranges: list[HalfRange] = []
    if device_outputs:
        others = {"--images": images, "--checkpoint": checkpoint, "--runtime": runtime}
        given = [name for name, value in others.items() if value is not None]
        if given:
            raise UsageError(
                f"Expected --device-outputs alone: those are judged by the golden vectors; got {', '.join(given)} as "
                "well. Leave that out."
            )
        from pam_edge.delivery.parity.device_outputs import verify_device_outputs

        records = verify_device_outputs(directory, device_outputs)
    else:
        from pam_edge.delivery.parity.half_range import half_ranges
        from pam_edge.delivery.parity.verify import verify as verify_folder

        with progress(quiet=json) as shown:
            shown.add_task(f"running {directory}", total=None)
            records = verify_folder(directory, images=images, checkpoint=checkpoint, runtime=runtime)
            ranges = half_ranges(directory, images=images, checkpoint=checkpoint)
    passed = all(record.passed is True for record in records)
    manifest = read_manifest(directory) if ranges else None
    half_by = manifest.target.facts.half_by[manifest.precision] if manifest else ""
    pictures = "golden/" if device_outputs else judged_on(images)
    if json:
        checks = [record.model_dump() for record in records]
        print_json(
            {
                "passed": passed,
                "judged_on": pictures,
                "checks": checks,
                "half_precision": half_ranges_json(ranges, half_by),
            }
        )
    else:
        print_parity(records)
        print_half_ranges(ranges, half_by)
        say(f"judged on {pictures}", style="dim")
    if not passed:
        raise typer.Exit(1)


def print_parity(records: tuple[ParityRecord, ...]) -> None:
    """Print parity as a table, with the reason below where something failed or was not run."""
    from rich.table import Table

    from pam_edge.delivery.parity.verify import describe_divergence, describe_path_errors

    table = Table()
    has_colours = any(record.foreground_max_abs_error is not None for record in records)
    colours = ("max |Δα·F|",) if has_colours else ()
    for name in ("entry point", "parity", "images", "max |Δα|", "RMS unknown", "ΔSAD", *colours, "worst picture"):
        table.add_column(name, no_wrap=name == "worst picture")  # which may hold spaces
    for record in records:
        word = parity_word(record.passed)
        numbers = [record.max_abs_error, record.rms_error_unknown, record.sad_change]
        numbers += [record.foreground_max_abs_error] if has_colours else []
        shown = [f"{number:.2e}" if number is not None else "-" for number in numbers]
        table.add_row(record.entry_point, word, str(record.images), *shown, record.worst_picture or "-")
    show(table)
    for ran_on, proves in dict.fromkeys((record.ran_on, record.proves) for record in records):
        say(f"ran on {ran_on}; a pass proves: {proves}", style="dim")
    print_quality(records)
    for record in records:
        where = describe_divergence(record)
        if where:
            say((record.entry_point, "red"), f": {where}")
        if record.max_abs_between_runtimes is not None:
            apart = f"{record.max_abs_between_runtimes:.2e} from {records[0].runtime}"
            say(f"{record.entry_point} in {record.runtime}: {apart} at most", style="dim")
        if record.path_mismatches or record.costs_over_budget:
            say((record.entry_point, "red"), f": {describe_path_errors(record)}")
        if record.path_ties:
            say(f"{record.entry_point}: {record.path_ties} paths differ where a gate was undecided", style="dim")
        if record.reason:
            say((record.entry_point, "red"), f": {record.reason}")
