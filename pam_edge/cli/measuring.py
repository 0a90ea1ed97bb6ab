"""``pam-edge profile measure`` and ``pam-edge bench``: what networks cost on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pam_edge.cli.host import measure_with_progress
from pam_edge.cli.interruption import noting
from pam_edge.cli.output import busy, print_json, say, show
from pam_edge.cli.planning import CheckpointOption, JsonOption, PrecisionOption, print_imported
from pam_edge.measuring import DEFAULT_LIMIT_S
from pam_edge.supernet.sizes import parse_size
from pam_edge.targets import Target
from pam_edge.terms import Precision, parse_choice


def measure(
    target: Annotated[str, typer.Option(help="tflite or executorch.")],
    precision: PrecisionOption = None,
    size: Annotated[str, typer.Option(help="Pixels, a multiple of 32: 512 or 384x512 (height first).")] = "512",
    checkpoint: CheckpointOption = "pam-tiny",
    threads: Annotated[int, typer.Option(help="That the runtime uses.")] = 1,
    time_limit: Annotated[float, typer.Option(help="Seconds for taking times, or less if enough.")] = DEFAULT_LIMIT_S,
    name: Annotated[str | None, typer.Option(help="Profile's name; default: host, this machine's own.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Profile to write; default: a user's.")] = None,
    json: JsonOption = False,
) -> None:
    """Measure what each block costs on this machine, and keep it as a profile. Interrupted, it goes on next time."""
    chosen_target = parse_choice("--target", target, Target)
    chosen_precision = parse_choice("--precision", precision, Precision) if precision else None
    height, width = parse_size(size)
    from pam_edge.device_profiles.loader import user_folder
    from pam_edge.measuring.host import NAME
    from pam_edge.measuring.measure import MeasureRequest

    chosen = name or (output.stem if output else NAME)
    request = MeasureRequest(
        checkpoint=checkpoint,
        target=chosen_target,
        precision=chosen_precision or chosen_target.default_precision,
        height=height,
        width=width,
        threads=threads,
        limit_s=time_limit,
        name=chosen,
        file=output or user_folder() / f"{chosen}.toml",
    )
    print_imported(measure_with_progress(request, quiet=json), json=json)


@noting("Nothing was written.")
def kit(
    target: Annotated[str, typer.Option(help="coreml, coreai, tflite or executorch.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write; new or empty.")],
    precision: PrecisionOption = None,
    size: Annotated[str, typer.Option(help="Pixels, a multiple of 32: 512 or 384x512 (height first).")] = "512",
    checkpoint: CheckpointOption = "pam-tiny",
    json: JsonOption = False,
) -> None:
    """Write what a person needs to measure a phone, and what they bring back for `profile import`."""
    chosen_target = parse_choice("--target", target, Target)
    chosen_precision = parse_choice("--precision", precision, Precision) if precision else None
    from pam_edge.measuring.kit import write_kit
    from pam_edge.measuring.probe import subject

    asked = subject(checkpoint, chosen_target, chosen_precision, *parse_size(size))
    with busy(f"Making the kit for {asked.target}: a minute, with Core ML some ..."):
        made = write_kit(asked, output)
    if json:
        print_json({"directory": str(made.directory), "paths": [str(path) for path in made.paths]})
        return
    say(f"{made.directory}: {len(made.paths)} paths to time; {made.readme} says how")


def bench(
    directory: Annotated[Path, typer.Argument(help="Artifact folder.")],
    threads: Annotated[int, typer.Option(help="That the runtime uses.")] = 1,
    seconds: Annotated[float, typer.Option(help="For taking times, after warm-up.")] = 20,
    json: JsonOption = False,
) -> None:
    """Show what an artifact's entry points take on this machine, against this machine's prediction."""
    from dataclasses import asdict

    from pam_edge.measuring.bench import bench as run_bench

    with busy(f"Running {directory} ..."):
        found = run_bench(directory, threads=threads, seconds=seconds)
    if json:
        rows = [
            {
                "name": each.name,
                "paths": each.paths,
                "latency_ms": {"median": each.median_ms, "p90": each.p90_ms},
                "peak_memory_bytes": each.peak_memory_bytes,
                "predicted_ms": each.predicted_ms,
                "margin_ms": each.margin_ms,
            }
            for each in found.entry_points
        ]
        print_json({k: v for k, v in asdict(found).items() if k != "entry_points"} | {"entry_points": rows})
        return
    from rich.table import Table

    table = Table(title=f"{directory.name}, {found.ran_on}, {found.rounds} rounds", title_justify="left")
    for column in ("entry point", "path", "median ms", "p90 ms", "predicted ms", "off by", "peak memory"):
        table.add_column(column, justify="left" if column in ("entry point", "path") else "right")
    for each in found.entry_points:
        predicted = f"{each.predicted_ms:.1f} ± {each.margin_ms:.1f}" if each.predicted_ms else "none"
        off = f"{100 * (each.median_ms / each.predicted_ms - 1):+.1f} %" if each.predicted_ms else ""
        peak = f"{each.peak_memory_bytes / 2**20:.0f} MiB" if each.peak_memory_bytes is not None else "not told here"
        path = each.paths[0] if len(each.paths) == 1 else f"{len(each.paths)} paths"
        table.add_row(each.name, path, f"{each.median_ms:.1f}", f"{each.p90_ms:.1f}", predicted, off, peak)
    show(table)
    say(found.prediction, style="dim")
