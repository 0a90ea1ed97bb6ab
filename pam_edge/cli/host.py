"""Measure this machine: when asked to, and when ``--profile host`` needs what was not measured yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_edge.cli.interruption import noting
from pam_edge.cli.output import note, progress
from pam_edge.targets import Target
from pam_edge.terms import Precision

if TYPE_CHECKING:
    from pam_edge.measuring.import_samples import Imported
    from pam_edge.measuring.measure import MeasureRequest


def measure_with_progress(request: MeasureRequest, *, quiet: bool) -> Imported:
    """Measure, saying how far it is (on stderr), unless quiet."""
    from pam_edge.measuring.draft import Round
    from pam_edge.measuring.measure import measure
    from pam_edge.measuring.timing import ENOUGH_PCT

    with progress(quiet=quiet) as shown:
        task = shown.add_task("starting", total=None)

        def show(step: str, rounds: list[Round]) -> None:
            error = rounds[-1].error_pct if rounds else None
            known = f", a path's cost known to {error:.2f} % (enough: {ENOUGH_PCT} %)" if error is not None else ""
            shown.update(task, description=f"{step}: {len(rounds)} rounds{known}" if rounds else step)

        with noting("The same command goes on where this stopped."):
            return measure(request, show)


def measure_host_if_new(
    profile: str | None,
    checkpoint: str,
    targets: tuple[Target, ...],
    precision: Precision | None,
    size: tuple[int, int],
    *,
    quiet: bool,
) -> None:
    """Measure this machine where ``--profile host`` is asked for what was not measured on it yet."""
    from pam_edge.measuring.host import NAME, host_file, is_measured

    if profile != NAME:
        return
    from pam_edge.measuring import DEFAULT_LIMIT_S
    from pam_edge.measuring.measure import MeasureRequest
    from pam_edge.supernet.checkpoint import load_checkpoint

    variant = load_checkpoint(checkpoint).config.name
    for target in targets:
        chosen = precision or target.default_precision
        if is_measured(target, chosen, *size, variant):
            continue
        note(f"This machine was not measured with {target} {chosen}, {variant}, {size[0]}x{size[1]}: doing so.")
        request = MeasureRequest(checkpoint, target, chosen, *size, 1, DEFAULT_LIMIT_S, NAME, host_file())
        measure_with_progress(request, quiet=quiet)
