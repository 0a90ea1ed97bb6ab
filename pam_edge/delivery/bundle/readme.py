"""A bundle's README: ten lines of code, what it weighs, and how proof comes back."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from pam_edge.delivery.artifact.manifest import Manifest
from pam_edge.delivery.bundle.library import CATALOG
from pam_edge.targets import Shipping
from pam_edge.terms import Mode, Platform

_GUIDES = files("pam_edge.delivery.bundle") / "readmes"
_PLACE = re.compile(r"<<(\w+)>>")
"""What a guide leaves open; its code may hold every other kind of bracket."""

_EXAMPLE_MS = 40
"""Of the code that a guide shows."""


def readme(
    manifest: Manifest,
    platform: Platform,
    library: Mapping[str, Path],
    table: str,
    *,
    has_probe: bool,
    has_second: bool = False,
) -> str:
    """Return the README of a bundle.

    Args:
        manifest: of the artifact in it.
        platform: whose guide is filled in.
        library: files of the platform's library, by their path in it.
        table: of sizes.
        has_probe: whether the bundle can measure its device.
        has_second: whether it holds a second artifact, to compare.
    """
    known = manifest.target.facts.shipping[platform]
    filled = {
        "title": f"{manifest.checkpoint.variant} for {platform.label}",
        "what": _describe(manifest),
        "needs": known.needed(manifest.mode, manifest.precision),
        "budget_ms": str(_EXAMPLE_MS),
        "budget": _budget(manifest),
        "entries": _entries(manifest),
        "sizes": table,
        "accelerators": "\n".join(
            f"- {each.accelerator}: {'suited' if each.suits else 'not suited'}, {each.why}"
            for each in manifest.accelerators
        ),
        "proof": _proof(manifest, has_probe=has_probe),
        "command": manifest.command,
        "engines": known.engines,
        "probe_needs": known.needed(_probe_mode(manifest), manifest.precision),
        "dependency": _dependency(library, known),
        "page": _page(has_probe=has_probe, has_second=has_second),
        "suited": _suited(manifest),
        "size": f"{manifest.entry_points[0].height}x{manifest.entry_points[0].width}",
        **_example(manifest),
    }
    is_live = manifest.entry_points[0].ends.source.is_live
    filled["video"] = _fill(f"{platform}.video", filled) if platform is Platform.WEB and is_live else ""
    return _fill(str(platform), filled)


def _fill(guide: str, filled: Mapping[str, str]) -> str:
    text = (_GUIDES / f"{guide}.md").read_text(encoding="utf-8")
    return _PLACE.sub(lambda place: filled[place[1]], text)


def _probe_mode(manifest: Manifest) -> Mode:
    """Return how a kit's paths are told apart: by an input, or by entry points."""
    return Mode.PROBE if manifest.target.facts.has_probe(manifest.precision) else Mode.MULTI


def _page(*, has_probe: bool, has_second: bool) -> str:
    """Return what a web bundle's page does."""
    done = ["cuts out"] + ["compares two graphs"] * has_second + ["measures its device"] * has_probe
    return " and ".join([", ".join(done[:-1]), done[-1]]) if len(done) > 1 else done[0]


def _suited(manifest: Manifest) -> str:
    if len(manifest.sizes) == 1:
        return ""
    return " Of the network's sizes the one is taken that needs the fewest tiles for it."


def _example(manifest: Manifest) -> dict[str, str]:
    """Return the golden picture that an example cuts out, and where its subject is, as files of the artifact."""
    first = manifest.entry_points[0]
    golden = next(each for each in manifest.golden if first.name in each.alphas)
    if golden.mask is None:
        return {"picture": golden.image, "guide": "trimap", "guide_file": golden.trimap}
    return {"picture": golden.image, "guide": "mask", "guide_file": golden.mask}


def _dependency(library: Mapping[str, Path], known: Shipping) -> str:
    """Return the runtime that an app adds, as Gradle writes it; empty where it adds none."""
    if not known.runtime:
        return ""
    catalog = tomllib.loads(library[CATALOG].read_text(encoding="utf-8"))
    entry = catalog["libraries"][known.runtime]
    return f"{entry['module']}:{catalog['versions'][entry['version']['ref']]}"


def _describe(manifest: Manifest) -> str:
    ends = manifest.entry_points[0].ends
    sizes = ", ".join(f"{height}x{width}" for height, width in manifest.sizes)
    words = f"{manifest.mode}, {manifest.precision}, {sizes}; takes image and {ends.source}, gives {ends.result}"
    untrained = "" if manifest.checkpoint.trained else " **UNTRAINED: its mattes mean nothing.**"
    return f"{manifest.checkpoint.variant} as {manifest.target.facts.label}: {words}.{untrained}"


def _budget(manifest: Manifest) -> str:
    """Return what the deadline in the code means here."""
    first = manifest.entry_points[0]
    chosen = "The dearest entry point runs that is expected to keep it, or the cheapest if none is."
    if manifest.mode is Mode.DYNAMIC:
        chosen = (
            "The graph gets the budget of the dearest entry point that is expected to keep it, or of the cheapest if "
            "none is, and within that it takes a path for each picture."
        )
    return (
        "The deadline is what the network may take for a picture, all its tiles together; bands, tiles and colours "
        f"come on top. {chosen} What is expected comes from costs that are {first.cost_provenance}, and from what "
        "calls on this device took."
    )


def _entries(manifest: Manifest) -> str:
    rows = ["| entry point | budget | path | predicted cost | known by |", "|---|---|---|---|---|"]
    for entry in manifest.entry_points:
        cost = f"{entry.predicted_cost:.3g} {entry.cost_unit} | {entry.cost_provenance}"
        rows.append(f"| {entry.name} | {entry.budget} | {entry.path or 'per image'} | {cost} |")
    return "\n".join(rows)


def _proof(manifest: Manifest, *, has_probe: bool) -> str:
    first = manifest.entry_points[0]
    lines = [
        "    pam-edge verify model --device-outputs outputs      # is it right on that device?",
    ]
    if has_probe:
        lines += [
            "    pam-edge profile import samples.json                # what does it cost there?",
            f"    pam-edge plan --profile NAME --checkpoint {manifest.checkpoint.reference} --size "
            f"{first.height}x{first.width}",
        ]
        return "\n".join(lines)
    kit = (
        f"pam-edge profile kit --target {manifest.target} --checkpoint {manifest.checkpoint.reference} --precision "
        f"{manifest.precision} --size {first.height}x{first.width} -o kit"
    )
    return "\n".join(lines) + (
        "\n\nThis bundle has no probe. To measure devices as well, make one and package again with `--probe kit`:\n\n"
        f"    {kit}"
    )
