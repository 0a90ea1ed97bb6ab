"""``pam-edge inspect``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pam_edge.cli.convert import float_parts
from pam_edge.cli.half_range import half_ranges_json, print_half_ranges
from pam_edge.cli.output import Part, print_json, say
from pam_edge.errors import PamEdgeError

if TYPE_CHECKING:
    from pam_edge.evaluation.half_range import HalfRange
    from pam_edge.runtimes.base import Inspection


def inspect(
    directory: Annotated[Path, typer.Argument(help="Artifact folder.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show an artifact's operators, partitions, fallbacks, weights and entry points, read from the files."""
    from pam_edge.delivery.inspect import inspect as inspect_folder

    manifest, found = inspect_folder(directory)
    half_by = manifest.target.facts.half_by.get(manifest.precision, "")
    ranges, why_no_ranges = _half_ranges(directory)
    if json:
        entries = [(entry.model_dump(), asdict(found[entry.name])) for entry in manifest.entry_points]
        print_json(
            {
                "entry_points": [entry | each.pop("inspection") | each for entry, each in entries],
                "half_precision": half_ranges_json(ranges, half_by),
            }
        )
        return
    # The budgets of a dynamic graph are inputs of one function.
    functions = {(entry.file, entry.function): entry for entry in reversed(manifest.entry_points)}
    for entry in reversed(functions.values()):
        each = found[entry.name].inspection
        path = f"path {entry.path}" if entry.path else "path chosen for each image and budget"
        name = entry.name if entry.path else entry.function
        say((name, "bold"), f"  {entry.file}, {entry.bytes / 1e6:.2f} MB, {path}")
        for contradiction in found[entry.name].contradictions:
            say("  damaged, or not of this manifest: ", (contradiction, "red"))
        partitions = "decided on the device" if each.partitions is None else str(each.partitions)
        outside = ", ".join(f"{count} {name}" for name, count in each.outside.items())
        say(f"  delegate: {each.delegate}; partitions: {partitions}")
        say("  outside the delegate: ", (outside, "red") if outside else ("nothing", "green"))
        if each.branches:
            say("  branches, two for each block: ", *_describe(each))
        counts = sorted(each.operators.items(), key=lambda item: (-item[1], item[0]))
        say("  operators: " + ", ".join(f"{count} {name}" for name, count in counts))
    for size in manifest.sizes:
        first = next(entry for entry in manifest.entry_points if entry.size == size)
        for does, tensors in (("takes", first.inputs), ("gives", first.outputs)):
            shapes = (f"{each.name} {'x'.join(map(str, each.shape))} {each.type}" for each in tensors)
            say(f"{does}: " + "; ".join(shapes))
        if first.ends.source.is_mask:
            say(f"the unknown band reaches {first.ends.band_px} pixels to each side of the mask's edge")
    if manifest.quantisation:
        say(f"{manifest.precision}; in float, by the manifest: {float_parts(manifest)}")
    print_half_ranges(ranges, half_by)
    if why_no_ranges:
        say(f"half precision: not looked at: {why_no_ranges}", style="dim")
    for platform, needed in manifest.needs.items():
        say(f"{platform.label} needs {needed}")
    for known in manifest.accelerators:
        suits = ("suited", "green") if known.suits else ("not suited", "red")
        say(f"{known.accelerator}: ", suits, f", {known.why}")
    say(next(iter(found.values())).inspection.note, style="dim")


def _half_ranges(directory: Path) -> tuple[list[HalfRange], str]:
    """Return how near numbers come to the end of half precision, or why nobody can tell: no fault of the file."""
    from pam_edge.delivery.parity.half_range import half_ranges

    try:
        return half_ranges(directory), ""
    except PamEdgeError as error:
        return [], str(error)


def _describe(found: Inspection) -> tuple[Part, str]:
    """Return how many branches the delegate takes whole, and what is wrong with the others."""
    broken = [
        f"{'bypass' if index % 2 else 'run'} of block {index // 2}: {branch.partitions} partitions, outside: "
        + (", ".join(f"{count} {name}" for name, count in branch.outside.items()) or "nothing")
        for index, branch in enumerate(found.branches)
        if not branch.is_whole
    ]
    whole = len(found.branches) - len(broken)
    color = "red" if broken else "green"
    return (f"{whole} of {len(found.branches)} taken whole", color), "".join(f"\n    {line}" for line in broken)
