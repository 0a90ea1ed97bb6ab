"""``pam-edge serve``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pam_edge.cli.interruption import Interrupted
from pam_edge.cli.output import note, print_json, say
from pam_edge.cli.planning import JsonOption

if TYPE_CHECKING:
    from pam_edge.serving.uploads import Upload

_LAN_MEANS = (
    "Whoever is on this network can open the page; only who has this address, with its token, can send samples. "
    "Browsers call plain HTTP from another machine insecure: there, the page has neither threads, WebGPU, camera nor "
    "offline use, and measures WebAssembly on one thread. To measure all of it on an Android phone, connect it by USB, "
    "run "
)


def serve(
    directory: Annotated[Path, typer.Argument(help="Web bundle, as `package --platform web` wrote it.")],
    port: Annotated[int, typer.Option(help="To listen on; 0 takes any that is free.")] = 8765,
    lan: Annotated[bool, typer.Option("--lan", help="For the local network too, so that phones reach it.")] = False,
    uploads: Annotated[Path, typer.Option(help="Folder for samples that browsers send.")] = Path("samples"),
    json: JsonOption = False,
) -> None:
    """Serve a web bundle, here or on the local network, and take the samples that browsers measure; Ctrl-C ends it."""
    from pam_edge.files import check_can_write
    from pam_edge.serving.network import EVERYWHERE, LOOPBACK, local_address
    from pam_edge.serving.server import Server, open_site
    from pam_edge.serving.uploads import Uploads

    check_can_write("--uploads", uploads / "samples.json")
    site = open_site(directory, Uploads(uploads, lambda upload: _tell(upload, json=json)))
    with Server(site, EVERYWHERE if lan else LOOPBACK, port) as server:
        here, outside = server.address(LOOPBACK), local_address() if lan else None
        there = server.address(outside) if outside else None
        if json:
            print_json({"address": here, "lan_address": there, "uploads": str(uploads)}, goes_on=True)
        else:
            _introduce(directory, here, there, port=server.server_address[1], lan=lan)
        try:
            server.serve_forever()
        except Interrupted as end:
            end.is_told = json
            raise


def _introduce(directory: Path, here: str, there: str | None, *, port: int, lan: bool) -> None:
    say(f"{directory} is served at ", (here, "bold"))
    if there:
        say("on the local network:  ", (there, "bold"))
        say(f"{_LAN_MEANS}`adb reverse tcp:{port} tcp:{port}`, and open the first address on it.", style="dim")
    elif lan:
        note(
            "This machine is on no network that others reach it by: the address above is all there is.", style="yellow"
        )
    say("Ctrl-C ends it.", style="dim")


def _tell(upload: Upload, *, json: bool) -> None:
    line = f"{upload.count} samples of {upload.device}: {upload.command}"
    (note if json else say)(line)
