"""Make the files that a measurement runs: the probe, and static graphs of a few paths to set its costs right by.

A probe pays for choosing: conditionals, and tensors that pass between partitions. Static graphs do not. Timed side by
side on a few paths, the two tell how a path's cost in one follows from its cost in the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_edge.errors import UsageError
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import Mode, Precision
from pam_edge.workers import run_in_worker

if TYPE_CHECKING:
    from pam_edge.supernet.network import Supernet

PROBE = "probe"
"""Name of the probe's one function."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: one variant on one target, at one precision and size.

    Attributes:
        checkpoint: variant name or file.
        variant: its name.
        architecture_hash: its configuration's.
        height: a multiple of 32.
        width: likewise.
    """

    checkpoint: str
    variant: str
    architecture_hash: str
    target: Target
    precision: Precision
    height: int
    width: int


def subject(checkpoint: str, target: Target, precision: Precision | None, height: int, width: int) -> Subject:
    """Return what is measured, after checking that it can be made here.

    Args:
        checkpoint: variant name or file; what is measured depends on its variant alone.
        target: to convert to.
        precision: None takes the target's own.
        height: a multiple of 32.
        width: likewise.

    Raises:
        UsageError, CheckpointError, MissingExtraError: if it cannot.
    """
    from pam_edge.converters.registry import require
    from pam_edge.supernet.checkpoint import load_checkpoint

    if height <= 0 or width <= 0 or height % 32 or width % 32:
        raise UsageError(f"--size: expected multiples of 32; got {height}x{width}.")
    require(target)
    config = load_checkpoint(checkpoint).config
    hashed = config.architecture_hash()
    return Subject(checkpoint, config.name, hashed, target, target.offered(precision), height, width)


def static_name(path: PathSpec) -> str:
    """Return a static path's entry point in the file of static graphs."""
    return f"path_{path}"


def make_probe(subject: Subject, folder: Path) -> Path:
    """Write the probe's file into a folder and return it.

    Raises:
        ConversionError: if the converter fails or has no probe.
    """
    return folder / _convert(subject, folder, Mode.PROBE, {PROBE: None})[PROBE]


def make_static(subject: Subject, paths: Sequence[PathSpec], folder: Path) -> Path:
    """Write static graphs of some paths into one file and return it.

    Raises:
        ConversionError: if the converter fails.
    """
    names = {static_name(path): str(path) for path in paths}
    return folder / _convert(subject, folder, Mode.MULTI, names)[static_name(paths[0])]


def _convert(subject: Subject, folder: Path, mode: Mode, entries: Mapping[str, str | None]) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    payload = {
        "checkpoint": subject.checkpoint,
        "target": subject.target,
        "precision": subject.precision,
        "height": subject.height,
        "width": subject.width,
        "mode": mode,
        "entries": dict(entries),
        "folder": str(folder),
    }
    files: dict[str, str] = run_in_worker("pam_edge.measuring.probe:convert_in_worker", payload)["files"]
    return files


def convert_in_worker(payload: dict[str, Any]) -> dict[str, Any]:
    """Convert what ``_convert`` describes; returns ``{"files": {entry point: file name}}``."""
    from pam_edge.converters.base import ConversionJob, EntryPoint
    from pam_edge.converters.registry import load_converter
    from pam_edge.graphs.ends import Interface
    from pam_edge.supernet.checkpoint import load_checkpoint

    target, precision = Target(payload["target"]), Precision(payload["precision"])
    interface = Interface(payload["height"], payload["width"])
    paths = {name: PathSpec.parse(path) if path else None for name, path in payload["entries"].items()}
    job = ConversionJob(
        supernet=_as_stored(load_checkpoint(payload["checkpoint"]).supernet.eval(), precision, interface.size),
        entry_points=tuple(EntryPoint(name, path, interface) for name, path in paths.items()),
        mode=Mode(payload["mode"]),
        precision=precision,
        io=target.facts.default_io(precision),
        directory=Path(payload["folder"]),
    )
    return {"files": load_converter(target).convert(job)}


def _as_stored(supernet: Supernet, precision: Precision, size: tuple[int, int]) -> Supernet:
    """Return the network that is timed: of a quantised precision with all parts quantised that can be.

    Ranges are those of the bundled photographs along the longest and the shortest path: times do not depend on them.
    """
    if not precision.is_quantised:
        return supernet
    from pam_edge.evaluation.pictures import bundled_pictures, fit
    from pam_edge.quantisation.calibrate import find_ranges
    from pam_edge.quantisation.quantise import quantise, whole_recipe

    blocks = supernet.block_count
    ends = (PathSpec((True,) * blocks), PathSpec((False,) * blocks))
    pictures = [fit(picture, *size) for picture in bundled_pictures()]
    ranges = find_ranges(supernet, ends, pictures) if precision is Precision.INT8 else {}
    return quantise(supernet, whole_recipe(supernet, precision, ranges))
