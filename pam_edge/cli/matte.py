"""``pam-edge matte``."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pam_edge.cli.interruption import noting
from pam_edge.cli.output import busy, note, print_json, say, tile_progress
from pam_edge.errors import UsageError
from pam_edge.terms import Mode, parse_choice


@noting("Nothing was written.")
def matte(
    image: Annotated[Path, typer.Argument(help="Picture of any size and common format.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Cut-out: .png, .webp or .tiff with alpha.")],
    trimap: Annotated[Path | None, typer.Option(help="0 background, 128 unknown, 255 foreground.")] = None,
    mask: Annotated[Path | None, typer.Option(help="Instead of a trimap: a rough mask; its edge is unknown.")] = None,
    model: Annotated[str, typer.Option(help="Artifact folder, or checkpoint by name or file.")] = "pam-tiny",
    budget: Annotated[
        str | None, typer.Option(help="One of the artifact's; any for a dynamic one or a checkpoint.")
    ] = None,
    mode: Annotated[
        str | None, typer.Option(help="Of a checkpoint: dynamic (its gates choose; the default) or static (planned).")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Cut the subject out of a picture."""
    import os

    from pam_edge.delivery.open_model import open_model
    from pam_edge.files import check_can_write
    from pam_edge.matting.cutout import cut_out
    from pam_edge.matting.images import check_writable_format, read_photo, read_trimap_or_mask, write_rgba
    from pam_edge.matting.trimaps import what_is_missing

    check_can_write("-o", output)
    photo = read_photo(image)
    height, width = photo.rgb.shape[:2]
    check_writable_format(output, height, width)
    regions = read_trimap_or_mask(trimap, mask, height, width)
    _check_apart(output, image, trimap, mask)
    notice = what_is_missing(regions)
    if notice is not None:
        note(notice, style="yellow")
    chosen = parse_choice("--mode", mode, (Mode.DYNAMIC, Mode.STATIC)) if mode else None
    with busy(f"Opening {model} ..."):
        opened = open_model(model, budget, threads=os.cpu_count() or 1, mode=chosen, picture=(height, width))
    started = time.perf_counter()
    with tile_progress(f"Matting {image.name}", quiet=json) as progress:
        result = cut_out(opened.matter, photo.rgb, regions, profile=photo.profile, progress=progress)
    elapsed_s = time.perf_counter() - started
    write_rgba(output, result, photo.profile)
    if json:
        print_json(
            {
                "output": str(output),
                "height": height,
                "width": width,
                "model": opened.description,
                "taken": [asdict(each) for each in opened.taken],
                "notice": notice,
            }
        )
        return
    say(f"{output}  {width}x{height}, {elapsed_s:.1f} s")
    for each in dict.fromkeys(opened.taken):
        say(str(each))
    say(opened.description, style="yellow" if "UNTRAINED" in opened.description else "dim")


def _check_apart(output: Path, *inputs: Path | None) -> None:
    """Refuse to write over what is read."""
    for file in inputs:
        if file is not None and output.exists() and output.samefile(file):
            raise UsageError(f"Expected an output beside the inputs; {output} is {file} itself. Give -o another name.")
