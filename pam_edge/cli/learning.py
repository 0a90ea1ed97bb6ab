"""``pam-edge train``, ``prior``, ``evaluate`` and ``data pack``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pam_edge.cli.interruption import noting
from pam_edge.cli.output import note, print_json, say, show
from pam_edge.errors import UsageError

DataOption = Annotated[Path | None, typer.Option(help="Matting data; default: the recipe's, or PAM_EDGE_DATA.")]
DevicesOption = Annotated[int, typer.Option(min=1, help="Processes on this machine; torchrun sets its own.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

data_app = typer.Typer(help="Training data.", no_args_is_help=True)


@data_app.callback()
def _data() -> None:
    """Training data."""


@data_app.command()
def pack(
    out: Annotated[Path, typer.Option(help="Folder that receives the packs; a recipe's data.root may name it.")],
    data: Annotated[Path | None, typer.Option(help="Matting data; default: PAM_EDGE_DATA.")] = None,
    side: Annotated[int, typer.Option(min=64, help="Longest side in pixels; larger pictures are shrunk.")] = 544,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of the colours; alpha is stored without loss.")] = 72,
    strands: Annotated[int, typer.Option(min=0, help="Strands to draw: so many pictures alone, and on cut-outs.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    json: JsonOption = False,
) -> None:
    """Pack cut-outs and backgrounds into a few small files, which load faster and travel well."""
    from pam_edge.data_folder import need_data_folder
    from pam_edge.learning.pack import PackSettings, pack_data

    packs = pack_data(need_data_folder(data), out, PackSettings(side, quality, strands), workers)
    for problem in (line for pack in packs for line in pack.problems):
        note(f"left out: {problem}")
    if json:
        print_json({pack.path.name: {"pictures": pack.pictures, "bytes": pack.size_bytes} for pack in packs})
        return
    for pack in packs:
        say(f"{pack.path}: {pack.pictures} pictures, {pack.size_bytes / 1e6:.1f} MB")


def train(
    config: Annotated[Path, typer.Option(help="Recipe (TOML).")],
    out: Annotated[Path, typer.Option(help="Receives states, checkpoints, pictures and logs; resumes from there.")],
    data: DataOption = None,
    devices: DevicesOption = 1,
    minutes: Annotated[float | None, typer.Option(min=0, help="Stop after so long; the same command goes on.")] = None,
    json: JsonOption = False,
) -> None:
    """Train a supernet by the three stages of a recipe; the same command again resumes a run that was cut short."""
    from pam_edge.learning.config import load_recipe, with_data
    from pam_edge.learning.launch import train_recipe

    with noting("The same command resumes from the last state that was saved."):
        checkpoint = train_recipe(with_data(load_recipe(config), data), out, devices, minutes)
    if json:
        print_json({"checkpoint": str(checkpoint) if checkpoint else None})
        return
    say(f"Weights: {checkpoint}" if checkpoint else f"Not done yet: the state is in {out}.")


def prior(
    checkpoint: Annotated[str, typer.Option(help="Variant name or checkpoint file.")],
    out: Annotated[Path, typer.Option(help="JSON file that receives the prior and the error table.")],
    config: Annotated[Path | None, typer.Option(help="Recipe whose data settings count.")] = None,
    data: DataOption = None,
    images: Annotated[int, typer.Option(min=1, help="Calibration composites.")] = 32,
    paths: Annotated[int, typer.Option(min=1, help="Paths kept for each budget, of three times as many.")] = 4,
    crop: Annotated[int, typer.Option(min=32, help="Side of the composites in pixels, a multiple of 32.")] = 192,
    devices: DevicesOption = 1,
    json: JsonOption = False,
) -> None:
    """Estimate by Monte Carlo how often each path is the best one under a budget."""
    from pydantic import ValidationError

    from pam_edge.files import check_can_write
    from pam_edge.learning.config import CalibrationConfig, data_settings
    from pam_edge.learning.launch import measure_prior

    try:
        settings = CalibrationConfig(
            images=images,
            crop=crop,
            paths_per_budget=paths,
            sampled_per_budget=3 * paths,
            screening_images=-(-images // 4),
        )
    except ValidationError as error:
        wrong = error.errors()[0]
        raise UsageError(
            f"--{wrong['loc'][0]}: {wrong['msg']}; got {wrong['input']}. Give another number, such as --crop 192."
        ) from error
    composites = data_settings(config, data)
    check_can_write("--out", out)
    found = measure_prior(checkpoint, composites, settings, devices)
    found.save(out)
    if json:
        print_json({"file": str(out), "budgets": len(found.rows), "paths": len(found.path_errors)})
        return
    say(f"{len(found.path_errors)} paths under {len(found.rows)} budgets: {out}")


def evaluate(
    data: Annotated[Path | None, typer.Argument(help="Folder of images and alphas, or a published test set.")] = None,
    heldout: Annotated[Path | None, typer.Option(help="Recipe; scores on composites of what its split keeps.")] = None,
    hair: Annotated[bool, typer.Option("--hair", help="With --heldout: the hair set instead.")] = False,
    checkpoint: Annotated[str, typer.Option(help="Variant name or checkpoint file.")] = "pam-tiny",
    layout: Annotated[str | None, typer.Option(help="Name of a published layout; default: found out.")] = None,
    budget: Annotated[list[str] | None, typer.Option(help="60GMAC, 80% or a name. Default: the three.")] = None,
    baseline: Annotated[list[str] | None, typer.Option(help="closed-form, knn or bilinear, beside it.")] = None,
    paths: Annotated[bool, typer.Option("--paths", help="Also score what gates choose, and what chance does.")] = False,
    radius: Annotated[float, typer.Option(help="Trimap radius in pixels where none are given.")] = 10.0,
    out: Annotated[Path | None, typer.Option(help="Folder for per-image CSV, summary and worst cases.")] = None,
    devices: DevicesOption = 1,
    json: JsonOption = False,
) -> None:
    """Score mattes: SAD, MSE, Grad and Conn over the unknown region."""
    from pam_edge.evaluation.datasets import find_cases
    from pam_edge.evaluation.evaluate import group_table, summary_table, write_report
    from pam_edge.evaluation.methods import methods_for
    from pam_edge.files import check_can_write
    from pam_edge.learning.config import data_settings
    from pam_edge.learning.heldout import hair_cases, heldout_cases
    from pam_edge.learning.launch import evaluate_with

    if data and not heldout:
        cases = find_cases(data, layout, radius)
    elif heldout and not data:
        cases = (hair_cases if hair else heldout_cases)(data_settings(heldout, None))
    else:
        raise UsageError("Expected a folder of test pictures, or --heldout with a recipe; one of the two.")
    if out:
        check_can_write("--out", out / "scores.csv")
    methods = methods_for(checkpoint, tuple(budget or ()), tuple(baseline or ()), compare_paths=paths)
    result = evaluate_with(cases, methods, devices)
    for problem in result.problems:
        note(f"left out: {problem}")
    if out:
        write_report(result, cases, methods, out)
    if json:
        groups = {name: found.summary() for name, found in result.by_group().items()}
        print_json({"scores": result.summary(), "groups": groups, "left_out": list(result.problems)})
        return
    show(summary_table(result))
    if groups_shown := group_table(result):
        show(groups_shown)
