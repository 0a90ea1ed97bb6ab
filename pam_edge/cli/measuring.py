"""``pam-edge profile measure``: what a variant costs on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pam_edge.cli.options import parse_choice, parse_size
from pam_edge.cli.output import notices
from pam_edge.cli.planning import CheckpointOption, JsonOption, PrecisionOption, print_imported
from pam_edge.targets import Precision, Target

if TYPE_CHECKING:
    from pam_edge.measuring.measure import MeasureRequest
    from pam_edge.planning.importing import Imported


def measure(
    target: Annotated[str, typer.Option(help="tflite or executorch.")],
    precision: PrecisionOption = None,
    size: Annotated[str, typer.Option(help="Pixels, a multiple of 32: 512 or 384x512 (height first).")] = "512",
    checkpoint: CheckpointOption = "pam-tiny",
    threads: Annotated[int, typer.Option(help="That the runtime uses.")] = 1,
    time_limit: Annotated[float, typer.Option(help="Seconds for taking times; fewer if they are enough.")] = 150,
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


def measure_with_progress(request: MeasureRequest, *, quiet: bool) -> Imported:
    """Measure, saying how far it is (on stderr), unless quiet."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from pam_edge.measuring.draft import Round
    from pam_edge.measuring.measure import measure
    from pam_edge.measuring.timing import ENOUGH_PCT

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=notices, disable=quiet, transient=True) as progress:
        task = progress.add_task("starting", total=None)

        def show(step: str, rounds: list[Round]) -> None:
            error = rounds[-1].error_pct if rounds else None
            known = f", a path's cost known to {error:.2f} % (enough: {ENOUGH_PCT} %)" if error is not None else ""
            progress.update(task, description=f"{step}: {len(rounds)} rounds{known}" if rounds else step)

        try:
            return measure(request, show)
        except KeyboardInterrupt:
            notices.print("Interrupted: the same command goes on where this stopped.")
            raise
