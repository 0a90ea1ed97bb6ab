"""``pam-edge demo``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from pam_edge.cli.convert import print_artifact, run_with_progress
from pam_edge.cli.output import say
from pam_edge.targets import Target
from pam_edge.terms import Mode

PROFILE = "iphone13"


def demo(
    out: Annotated[Path, typer.Option(help="Receives everything that the demo makes.")] = Path("demo"),
    size: Annotated[int, typer.Option(help="Pixels of the square input, a multiple of 32.")] = 512,
) -> None:
    """Run the whole chain on a bundled picture: plan, convert to what is installed, verify, matte, report."""
    import cv2

    from pam_edge.converters.registry import missing_packages
    from pam_edge.delivery.convert import ConvertRequest
    from pam_edge.delivery.open_model import open_model
    from pam_edge.errors import MissingExtraError
    from pam_edge.evaluation.pictures import bundled_pictures
    from pam_edge.graphs.ends import Interface
    from pam_edge.matting.cutout import cut_out
    from pam_edge.matting.images import write_rgba
    from pam_edge.planning.budget import DEFAULT_BUDGETS
    from pam_edge.supernet.sizes import check_size

    started = time.perf_counter()
    targets = tuple(target for target in Target if target.facts.is_quick_here and not missing_packages(target))
    if not targets:
        raise MissingExtraError("No target's packages are installed. Install them: pip install 'pam-edge[all]'.")
    check_size(size, size)
    say("1. Convert ", ("pam-tiny", "bold"), f" for {PROFILE} (estimated costs), {size}x{size}, three budgets")
    request = ConvertRequest(
        checkpoint="pam-tiny",
        targets=targets,
        budgets=DEFAULT_BUDGETS,
        profile=PROFILE,
        mode=Mode.STATIC,
        precision=None,
        interfaces=(Interface(size, size),),
        io=None,
        out=out,
        command=f"pam-edge demo --size {size}",
    )
    artifacts = run_with_progress(request, quiet=False)
    for artifact in artifacts:
        print_artifact(artifact)
    say("2. Cut a photograph out with a saved file, in its runtime")
    picture = bundled_pictures()[0]
    cv2.imwrite(str(out / f"{picture.name}.png"), cv2.cvtColor(picture.image, cv2.COLOR_RGB2BGR))
    cv2.imwrite(str(out / f"{picture.name}.trimap.png"), picture.trimap)
    cutout = out / f"{picture.name}.cutout.png"
    artifact = next((each for each in artifacts if not each.manifest.target.facts.why_not_timed_here), artifacts[0])
    matter = open_model(str(artifact.directory), None, threads=1).matter
    write_rgba(cutout, cut_out(matter, picture.image, picture.trimap))
    say(f"   {cutout}  ({picture.source})")
    say(f"\nDone in {time.perf_counter() - started:.0f} s. Open:")
    for file in (cutout, *(artifact.directory / "report.html" for artifact in artifacts)):
        say(f"  {file}")
