"""``pam-edge convert``."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pam_edge.cli.host import measure_host_if_new
from pam_edge.cli.options import parse_targets
from pam_edge.cli.output import console, parity_word, print_json, progress, say
from pam_edge.supernet.sizes import parse_size
from pam_edge.terms import Mode, Precision, Result, Source, TensorIO, parse_choice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_edge.delivery.artifact.artifact import Artifact
    from pam_edge.delivery.artifact.manifest import Manifest, ParityRecord, QuantisationRecord
    from pam_edge.delivery.convert import ConvertRequest


def convert(
    target: Annotated[str, typer.Option(help="coreml, tflite, executorch, coreai or all.")],
    profile: Annotated[str | None, typer.Option(help="Device profile, by name or file; none plans by MACs.")] = None,
    budget: Annotated[list[str] | None, typer.Option(help="60GMAC, 80%, 12ms or a name. Default: the three.")] = None,
    mode: Annotated[
        str, typer.Option(help="static: a file per budget; multi: one file for all; dynamic: chosen per image.")
    ] = "static",
    precision: Annotated[
        str | None, typer.Option(help="fp32, fp16, int8, or weights alone: w8, w6; default: the target's own.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Photographs, with trimaps or alphas, to find int8's ranges on.")
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(help="Multiples of 32: 512 or 384x512 (height first); several in mode multi. Default: 512."),
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="Variant name or checkpoint file.")] = "pam-tiny",
    io: Annotated[str | None, typer.Option(help="Core ML: image or tensor; default: image, tensor for fp32.")] = None,
    inputs: Annotated[
        str, typer.Option(help="trimap; mask: the graph makes the unknown band; mask+previous: for video.")
    ] = "trimap",
    outputs: Annotated[
        str, typer.Option(help="alpha, or cutout: also the foreground's colours, without the background's.")
    ] = "alpha",
    band: Annotated[
        int | None, typer.Option(help="Reach of a mask's band in pixels. Default: 2 % of the short side.")
    ] = None,
    mask_size: Annotated[
        str | None, typer.Option(help="Of a mask that is smaller than the image: 256 or 192x256.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Receives one folder per target.")] = Path("build"),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make verified artifacts of a checkpoint: a path per budget, checked against PyTorch on real photographs."""
    targets = parse_targets(target)
    started = time.perf_counter()
    from pam_edge.delivery.convert import ConvertRequest, choose_interfaces
    from pam_edge.files import as_path
    from pam_edge.planning.budget import DEFAULT_BUDGETS, parse_budget
    from pam_edge.planning.service import DEFAULT_SIZE

    sizes = list(map(parse_size, size)) if size else [DEFAULT_SIZE]
    interfaces = choose_interfaces(
        sizes,
        parse_choice("--inputs", inputs, Source),
        parse_choice("--outputs", outputs, Result),
        band,
        parse_size(mask_size) if mask_size else None,
    )
    request = ConvertRequest(
        checkpoint=checkpoint,
        targets=targets,
        budgets=tuple(map(parse_budget, budget)) if budget else DEFAULT_BUDGETS,
        profile=profile,
        mode=parse_choice("--mode", mode, Mode),
        precision=parse_choice("--precision", precision, Precision) if precision else None,
        interfaces=interfaces,
        io=parse_choice("--io", io, TensorIO) if io else None,
        out=out,
        command=shlex.join(["pam-edge", *sys.argv[1:]]),
        calibration=as_path("--calibration", calibration) if calibration else None,
    )
    for each in sizes:
        measure_host_if_new(profile, checkpoint, targets, request.precision, each, quiet=json)
    artifacts = run_with_progress(request, quiet=json)
    if json:
        print_json({"artifacts": [as_json(artifact) for artifact in artifacts]})
        return
    for artifact in artifacts:
        print_artifact(artifact)
    say(f"Done in {time.perf_counter() - started:.0f} s.")


def float_parts(manifest: Manifest) -> str:
    """Return what of a quantised artifact is not, for people."""
    assert manifest.quantisation is not None, "only quantised artifacts have such parts"
    kept = manifest.quantisation.float_parts.items()
    parts = [f"{part} ({rms:.2g} alone)" if rms else part for part, rms in kept]
    if manifest.precision is Precision.INT8:
        return f"{', '.join(parts)}; what gates choose by, and the arithmetic of trimap and costs"
    return "; ".join(("features and arithmetic, and biases", *([f"all of {', '.join(parts)}"] if parts else [])))


def print_quality(records: Sequence[QuantisationRecord | ParityRecord]) -> None:
    """Print how quantised mattes compare with float ones, path by path; what several records say of one, once."""
    for each in dict.fromkeys(quality for record in records for quality in record.quality):
        sad, mse = each.sad / each.sad_float - 1, each.mse / each.mse_float - 1
        say(
            f"{each.path} at {each.height}x{each.width}: SAD {sad:+.1%}, MSE {mse:+.1%} against float, on pictures of "
            f"known alpha ({each.pictures}); worst {each.worst_change:+.1%}, {each.worst_picture}",
            style="dim",
        )


def run_with_progress(request: ConvertRequest, *, quiet: bool) -> list[Artifact]:
    """Convert, saying what each target is at (on stderr), unless quiet."""
    from pam_edge.delivery.convert import convert

    with progress(quiet=quiet) as shown:
        tasks = {target: shown.add_task(f"{target}: waiting", total=None) for target in request.targets}
        return convert(request, lambda target, step: shown.update(tasks[target], description=f"{target}: {step}"))


def as_json(artifact: Artifact) -> dict[str, Any]:
    """Return what scripts rely on: the manifest's words, with the folder and one yes or no."""
    from pam_edge.evaluation.pictures import judged_on

    manifest = artifact.manifest
    return {
        "target": manifest.target,
        "mode": manifest.mode,
        "precision": manifest.precision,
        "directory": str(artifact.directory),
        "trained": manifest.checkpoint.trained,
        "profile": manifest.profile.model_dump() if manifest.profile else None,
        "entry_points": [entry.model_dump() for entry in manifest.entry_points],
        "verified": manifest.verified,
        "quantisation": manifest.quantisation.model_dump() if manifest.quantisation else None,
        "judged_on": judged_on(None),
        "parity": [record.model_dump() for record in manifest.parity],
    }


def print_artifact(artifact: Artifact) -> None:
    """Print one artifact as a table that fits 80 columns."""
    from rich import box
    from rich.table import Table

    from pam_edge.evaluation.pictures import judged_on

    manifest = artifact.manifest
    first = manifest.entry_points[0]
    sizes = ", ".join(f"{height}x{width}" for height, width in manifest.sizes)
    kind = f"{manifest.mode}, {manifest.precision}, {sizes}"
    say((manifest.target, "bold"), f" · {kind} · costs {first.cost_provenance}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("budget", no_wrap=True)
    table.add_column("path")
    for name in (first.cost_unit, "GMACs", "MB", "max |Δα|", "RMS"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("parity", no_wrap=True)
    first_records = {record.entry_point: record for record in reversed(manifest.parity)}
    for entry in manifest.entry_points:
        parity = first_records[entry.name]
        errors = [f"{e:.0e}" if e is not None else "-" for e in (parity.max_abs_error, parity.rms_error_unknown)]
        numbers = (f"{entry.predicted_cost:.3g}", f"{entry.gmacs:.2f}", f"{entry.bytes / 1e6:.2f}", *errors)
        table.add_row(entry.name, entry.path or "per image", *numbers, parity_word(parity.passed))
    console.print(table)
    if manifest.quantisation:
        print_quality([manifest.quantisation])
        say(f"in float: {float_parts(manifest)}", style="dim")
    if not manifest.checkpoint.trained:
        say((f"{manifest.checkpoint.variant} is UNTRAINED:", "yellow"), " its mattes mean nothing.")
    say(f"parity on {manifest.parity[0].images} pictures, {manifest.parity[0].ran_on}", style="dim")
    say(f"pictures: {judged_on(None)}", style="dim")
    say(f"{artifact.directory}/\n", style="dim")
