"""``pam-edge inspect``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pam_edge.cli.output import console, print_json

if TYPE_CHECKING:
    from pam_edge.runtimes.base import Inspection


def inspect(
    directory: Annotated[Path, typer.Argument(help="Artifact folder.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show an artifact's operators, partitions, fallbacks, weights and entry points, read from the files."""
    from rich.markup import escape

    from pam_edge.delivery.inspect import inspect as inspect_folder

    manifest, found = inspect_folder(directory)
    if json:
        entries = {entry.name: entry.model_dump() for entry in manifest.entry_points}
        print_json({"entry_points": [entries[name] | asdict(each) for name, each in found.items()]})
        return
    # The budgets of a dynamic graph are inputs of one function.
    functions = {(entry.file, entry.function): entry for entry in reversed(manifest.entry_points)}
    for entry in reversed(functions.values()):
        each = found[entry.name]
        path = f"path {entry.path}" if entry.path else "path chosen for each image and budget"
        name = entry.name if entry.path else entry.function
        console.print(f"[bold]{name}[/]  {escape(entry.file)}, {entry.bytes / 1e6:.2f} MB, {path}")
        partitions = "decided on the device" if each.partitions is None else str(each.partitions)
        outside = ", ".join(f"{count} {name}" for name, count in each.outside.items())
        console.print(f"  delegate: {each.delegate}; partitions: {partitions}")
        console.print(f"  outside the delegate: {f'[red]{outside}[/]' if outside else '[green]nothing[/]'}")
        if each.branches:
            console.print(f"  branches, two for each block: {_describe(each)}")
        counts = sorted(each.operators.items(), key=lambda item: (-item[1], item[0]))
        console.print("  operators: " + ", ".join(f"{count} {name}" for name, count in counts))
    for known in manifest.accelerators:
        console.print(
            f"{escape(known.accelerator)}: {'[green]suited[/]' if known.suits else '[red]not suited[/]'}, "
            + escape(known.why)
        )
    console.print(next(iter(found.values())).note, style="dim")


def _describe(found: Inspection) -> str:
    """Return how many branches the delegate takes whole, and what is wrong with the others."""
    broken = [
        f"{'bypass' if index % 2 else 'run'} of block {index // 2}: {branch.partitions} partitions, outside: "
        + (", ".join(f"{count} {name}" for name, count in branch.outside.items()) or "nothing")
        for index, branch in enumerate(found.branches)
        if not branch.is_whole
    ]
    whole = len(found.branches) - len(broken)
    color = "red" if broken else "green"
    return f"[{color}]{whole} of {len(found.branches)} taken whole[/]" + "".join(f"\n    {line}" for line in broken)
