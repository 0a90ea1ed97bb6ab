"""``pam-edge matte``."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pam_edge.cli.interruption import noting
from pam_edge.cli.output import console, notices, print_json


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
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Cut the subject out of a picture."""
    import os

    from pam_edge.delivery.open_model import open_model
    from pam_edge.matting.cutout import cut_out
    from pam_edge.matting.images import check_writable_format, read_image, read_trimap_or_mask, write_rgba

    check_writable_format(output)
    picture = read_image(image)
    regions = read_trimap_or_mask(trimap, mask, *picture.shape[:2])
    opened = open_model(model, budget, threads=os.cpu_count() or 1)
    started = time.perf_counter()
    with notices.status(f"Matting {image.name} ..."):
        result = cut_out(opened.matter, picture, regions)
    elapsed_s = time.perf_counter() - started
    write_rgba(output, result)
    height, width = picture.shape[:2]
    if json:
        print_json(
            {
                "output": str(output),
                "height": height,
                "width": width,
                "model": opened.description,
                "taken": [asdict(each) for each in opened.taken],
            }
        )
        return
    console.print(f"{output}  {width}x{height}, {elapsed_s:.1f} s", soft_wrap=True)
    for each in dict.fromkeys(opened.taken):
        console.print(str(each), soft_wrap=True)
    console.print(opened.description, style="yellow" if "UNTRAINED" in opened.description else "dim", soft_wrap=True)
