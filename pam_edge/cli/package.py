"""``pam-edge package``."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from pam_edge.cli.interruption import noting
from pam_edge.cli.output import busy, print_json, say
from pam_edge.cli.planning import JsonOption
from pam_edge.terms import Platform, parse_choice


@noting("Nothing was written.")
def package(
    directory: Annotated[Path, typer.Argument(help="Artifact folder, whose parity passed.")],
    platform: Annotated[str, typer.Option(help="ios, android or web.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write; new or empty.")],
    probe: Annotated[
        Path | None, typer.Option(help="Folder of `profile kit`: the app can then measure its device.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Second artifact, such as a dynamic one, that the web page sets beside it.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write what an app ships: model, golden vectors, the library that runs them, licences, how proof comes back."""
    chosen = parse_choice("--platform", platform, Platform)
    from pam_edge.delivery.bundle.package import README
    from pam_edge.delivery.bundle.package import package as package_folder

    with busy(f"Packaging {directory} for {chosen.label} ..."):
        made = package_folder(directory, chosen, output, probe=probe, compare=compare)
    if json:
        files = [file.path for file in made.record.files]
        sizes = dict(made.sizes)
        print_json({"directory": str(made.directory), "platform": chosen, "sizes_bytes": sizes, "files": files})
        return
    parts = ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in made.sizes.items())
    say(f"{made.directory}: {parts}")
    say(f"{made.directory / README} has the ten lines that an app needs, and how proof comes back", style="dim")
    if chosen is Platform.WEB:
        say(f"see it: pam-edge serve {quote(str(made.directory))}", style="dim")
