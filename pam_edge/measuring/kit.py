"""Write what a person needs to measure a phone: the probe, the paths and their order, a program, and what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from pam_edge import __version__
from pam_edge.delivery.artifact.content import content_hash
from pam_edge.delivery.artifact.staging import check_free, deliver, staging
from pam_edge.evaluation.pictures import bundled_pictures, fit
from pam_edge.files import write_whole
from pam_edge.measuring.path_design import default_path_count, design_paths, schedule
from pam_edge.measuring.probe import PROBE, Subject, make_probe, make_static, static_name
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, Layout, Mode, TensorIO
from pam_edge.workers import run_in_worker

_KITS = files("pam_edge.measuring.kits")
ROUNDS = 40
CALLS = 3
"""Calls of one path in a row: a runner loads the file anew for every path, which takes longer than a call."""


@dataclass(frozen=True, slots=True)
class Kit:
    """A kit that was written."""

    directory: Path
    paths: tuple[PathSpec, ...]
    readme: Path


def write_kit(subject: Subject, directory: Path) -> Kit:
    """Write a kit; the folder appears whole or not at all.

    Args:
        subject: what is to be measured.
        directory: that must not hold anything yet.

    Raises:
        UsageError: if the folder holds something, or is one that the command runs in.
        ConversionError: if the converter fails.
    """
    check_free(directory)
    from pam_edge.supernet.variants import variant

    blocks = variant(subject.variant).block_count
    paths = design_paths(blocks, default_path_count(blocks))
    with staging(directory) as folder:
        kit = subject.target.facts.kit
        file = make_probe(subject, folder) if _has_probe(subject) else make_static(subject, paths, folder)
        _write_inputs(subject, paths, folder / "inputs")
        hashes = _hashes(folder)
        _write_json(_describe(subject, paths, file) | {"files": hashes}, folder / "kit.json")
        write_whole(folder / kit.program, (_KITS / kit.program).read_bytes())
        readme = _readme(subject, paths, file.name)
        write_whole(folder / "README.md", readme.encode())
        deliver(folder, directory)
    return Kit(directory, paths, directory / "README.md")


def _write_inputs(subject: Subject, paths: Sequence[PathSpec], folder: Path) -> None:
    """Write a photograph, its trimap and every path as raw little-endian float32, in the graph's layout."""
    picture = fit(bundled_pictures()[0], subject.height, subject.width)
    image = picture.image.astype("<f4")
    if _is_planar(subject):
        image = image.transpose(2, 0, 1)
    write_whole(folder / "image.bin", image.tobytes())
    write_whole(folder / "trimap.bin", picture.trimap.astype("<f4").tobytes())
    for path in paths if _has_probe(subject) else ():
        write_whole(folder / f"path_{path}.bin", np.array(path.runs, "<f4").tobytes())


def _hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of what is timed and of every input, by path."""
    found = (*(each for each in folder.iterdir() if each.name != "inputs"), *(folder / "inputs").iterdir())
    return {path.relative_to(folder).as_posix(): content_hash(path) for path in sorted(found)}


def _has_probe(subject: Subject) -> bool:
    return subject.target.facts.has_probe(subject.precision)


def _is_planar(subject: Subject) -> bool:
    """Tell whether channels come before rows; of an image they never do."""
    facts = subject.target.facts
    return facts.layout is Layout.NCHW and facts.default_io(subject.precision) is TensorIO.TENSOR


def _describe(subject: Subject, paths: tuple[PathSpec, ...], file: Path) -> dict[str, Any]:
    """Return kit.json: what the program needs, and the samples' file but for what only the device knows."""
    size, layout = (subject.height, subject.width), Layout.NCHW if _is_planar(subject) else Layout.NHWC
    shapes = {"image": layout.shape(3, *size), "trimap": layout.shape(1, *size), "path": (len(paths[0]),)}
    return {
        "file": file.name,
        "io": subject.target.facts.default_io(subject.precision),
        "inputs": [{"name": name, "shape": shapes[name]} for name in _input_order(subject, file, paths)],
        "calls": CALLS,
        "rounds": [[str(path) for path in each] for each in schedule(paths, ROUNDS)],
        "samples": {
            "schema_version": 1,
            "target": subject.target,
            "runtime": subject.target.facts.label,
            "compute_unit": _unit(subject),
            "delegate": "XNNPACK",
            "precision": subject.precision,
            "height": subject.height,
            "width": subject.width,
            "variant": subject.variant,
            "architecture_hash": subject.architecture_hash,
            "tool": f"pam-edge {__version__}, kit",
        },
    }


def _unit(subject: Subject) -> ComputeUnit:
    """Return the compute unit that apps' graphs of this precision run on, and that is measured if nobody says else."""
    return subject.target.facts.compute_unit(subject.precision, Mode.STATIC)


def _input_order(subject: Subject, file: Path, paths: Sequence[PathSpec]) -> Sequence[str]:
    """Return the inputs in the order in which a runner that knows no names takes them."""
    entry = PROBE if _has_probe(subject) else static_name(paths[0])
    payload = {"target": subject.target, "file": str(file), "entry": entry}
    order: list[str] = run_in_worker("pam_edge.measuring.kit:read_input_order", payload)["names"]
    return order


def read_input_order(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the contract's names of a file's inputs in the file's order."""
    runtime = load_runtime(Target(payload["target"]))
    return {"names": list(runtime.input_names(Path(payload["file"]), payload["entry"]))}


def _write_json(value: dict[str, Any], file: Path) -> None:
    write_whole(file, json.dumps(value, indent=1).encode())


def _readme(subject: Subject, paths: tuple[PathSpec, ...], file: str) -> str:
    inputs = "a photograph, its trimap and the paths" if _has_probe(subject) else "a photograph and its trimap"
    head = f"""# Measure {subject.variant} with {subject.target.facts.label}

{subject.precision}, {subject.height}x{subject.width}. `{file}` holds what is timed, along {len(paths)} paths;
`kit.json` has the paths' order in each round, `inputs/` {inputs}. Bring back one file:
`samples.json`. Then, where pam-edge is installed:

    pam-edge profile import samples.json
    pam-edge plan --profile NAME --checkpoint {subject.checkpoint} --size {subject.height}x{subject.width}

Before you start: charge the phone, let it cool, close other apps, keep the screen on.
"""
    facts = subject.target.facts
    takes_images = facts.default_io(subject.precision) is TensorIO.IMAGE
    return head + (_KITS / facts.kit.guide).read_text(encoding="utf-8").format(
        file=file,
        runner=facts.kit.runner,
        runner_source=facts.kit.runner_source,
        unit=_unit(subject),
        inputs="the picture and its trimap" if takes_images else "float32 multi-arrays of the shapes in `kit.json`",
    )
