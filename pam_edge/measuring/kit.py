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
from pam_edge.delivery.artifact.staging import deliver, staging
from pam_edge.errors import UsageError
from pam_edge.evaluation.pictures import bundled_pictures, fit
from pam_edge.files import write_whole
from pam_edge.measuring.path_design import default_path_count, design_paths, schedule
from pam_edge.measuring.probe import PROBE, Subject, make_probe, make_static
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, Layout, Mode, TensorIO
from pam_edge.workers import run_in_worker

ROUNDS = 40
CALLS = 3
"""Calls of one path in a row: a runner loads the file anew for every path, which takes longer than a call."""

_RUNTIMES = {Target.COREML: "Core ML", Target.TFLITE: "LiteRT", Target.EXECUTORCH: "ExecuTorch"}
_PROGRAMS = {Target.COREML: "coreml.py", Target.TFLITE: "android.py", Target.EXECUTORCH: "android.py"}


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
    _check_free(directory)
    from pam_edge.supernet.variants import variant

    blocks = variant(subject.variant).block_count
    paths = design_paths(blocks, default_path_count(blocks))
    with staging(directory) as folder:
        fixed = subject.target is Target.COREML
        file = make_static(subject, paths, folder) if fixed else make_probe(subject, folder)
        _write_inputs(subject, paths, folder / "inputs")
        _write_json(_describe(subject, paths, file), folder / "kit.json")
        program = _PROGRAMS[subject.target]
        write_whole(folder / program, (files("pam_edge.measuring.kits") / program).read_bytes())
        readme = _readme(subject, paths, file.name)
        write_whole(folder / "README.md", readme.encode())
        deliver(folder, directory)
    return Kit(directory, paths, directory / "README.md")


def _check_free(directory: Path) -> None:
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        found = "holds files" if directory.is_dir() else "is a file"
        raise UsageError(f"-o {directory}: expected a folder that is empty or not there yet; it {found}.")
    if Path.cwd().is_relative_to(directory.resolve()):
        raise UsageError(
            f"-o {directory}: expected a new folder; the command runs inside this one. Name another, such as -o kit."
        )


def _write_inputs(subject: Subject, paths: Sequence[PathSpec], folder: Path) -> None:
    """Write a photograph, its trimap and every path as raw little-endian float32, in the graph's layout."""
    picture = fit(bundled_pictures()[0], subject.height, subject.width)
    image = picture.image.astype("<f4")
    if _is_planar(subject):
        image = image.transpose(2, 0, 1)
    write_whole(folder / "image.bin", image.tobytes())
    write_whole(folder / "trimap.bin", picture.trimap.astype("<f4").tobytes())
    for path in paths if subject.target is not Target.COREML else ():
        write_whole(folder / f"path_{path}.bin", np.array(path.runs, "<f4").tobytes())


def _is_planar(subject: Subject) -> bool:
    """Tell whether channels come before rows; of an image they never do."""
    facts = subject.target.facts
    return facts.layout is Layout.NCHW and facts.default_io(subject.precision) is TensorIO.TENSOR


def _describe(subject: Subject, paths: tuple[PathSpec, ...], file: Path) -> dict[str, Any]:
    """Return kit.json: what the program needs, and the samples' file but for what only the device knows."""
    size = subject.height, subject.width
    shapes = {
        "image": (1, 3, *size) if _is_planar(subject) else (1, *size, 3),
        "trimap": (1, 1, *size) if _is_planar(subject) else (1, *size, 1),
        "path": (len(paths[0]),),
    }
    return {
        "file": file.name,
        "io": subject.target.facts.default_io(subject.precision),
        "inputs": [{"name": name, "shape": shapes[name]} for name in _input_order(subject, file)],
        "calls": CALLS,
        "rounds": [[str(path) for path in each] for each in schedule(paths, ROUNDS)],
        "samples": {
            "schema_version": 1,
            "target": subject.target,
            "runtime": _RUNTIMES[subject.target],
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


def _input_order(subject: Subject, file: Path) -> Sequence[str]:
    """Return the inputs in the order in which a runner that knows no names takes them."""
    match subject.target:
        case Target.COREML:
            return ("image", "trimap")
        case Target.EXECUTORCH:
            return ("image", "trimap", "path")
        case Target.TFLITE:
            order: list[str] = run_in_worker("pam_edge.measuring.kit:read_input_order", {"file": str(file)})["names"]
            return order


def read_input_order(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the contract's names of a .tflite file's inputs in the file's order."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=payload["file"])
    details = interpreter.get_signature_runner(PROBE).get_input_details()
    by_index = {int(each["index"]): name for name, each in details.items()}
    return {"names": [by_index[int(each["index"])] for each in interpreter.get_input_details()]}


def _write_json(value: dict[str, Any], file: Path) -> None:
    write_whole(file, json.dumps(value, indent=1).encode())


def _readme(subject: Subject, paths: tuple[PathSpec, ...], file: str) -> str:
    head = f"""# Measure {subject.variant} with {_RUNTIMES[subject.target]}

{subject.precision}, {subject.height}x{subject.width}. `{file}` holds what is timed, along {len(paths)} paths;
`kit.json` has the paths' order in each round, `inputs/` a photograph, its trimap and the paths. Bring back one file:
`samples.json`. Then, where pam-edge is installed:

    pam-edge profile import samples.json
    pam-edge plan --profile NAME --budget 20ms

Before you start: charge the phone, let it cool, close other apps, keep the screen on.
"""
    return head + (_coreml(subject) if subject.target is Target.COREML else _android(subject, file))


def _android(subject: Subject, file: str) -> str:
    runner = "benchmark_model" if subject.target is Target.TFLITE else "executor_runner"
    source = (
        "LiteRT's documentation, under benchmark tools, offers it as a binary for android_aarch64."
        if subject.target is Target.TFLITE
        else "build it from ExecuTorch's sources for Android, with XNNPACK, as its documentation of Android says."
    )
    return f"""
## Android

1. Get `{runner}` for the phone: {source}
2. Connect the phone with USB debugging on: `adb devices` lists it.
3. Run, with Python 3.9 or later:

       python3 android.py --runner {runner} --runtime-version WHICH

   It pushes the files to `/data/local/tmp/pam-edge`, times every path in every round, and writes `samples.json` after
   each. `--dry-run` prints the commands of a round instead, to run them by hand. Each round takes a minute or two; 12
   are usual. `--taskset f0` binds to cores, as on the phone at hand.

By hand, the same is: for every path P of every list in `rounds`, run `{file}` on the phone with the inputs `image.bin`,
`trimap.bin` and `path_P.bin`, and note the time of one call. The form of `samples.json` is `samples` in `kit.json`,
with `device`, `soc`, `os`, `runtime_version`, `threads` and `date` added, and a list `samples` of objects
`{{"path": "P", "round": 0, "latency_ms": 12.3}}` in the order in which they were taken.
"""


def _coreml(subject: Subject) -> str:
    takes_images = subject.target.facts.default_io(subject.precision) is TensorIO.IMAGE
    inputs = "the picture and its trimap" if takes_images else "float32 multi-arrays of the shapes in `kit.json`"
    return f"""
Core ML does not promise control flow on a phone's neural engine and GPU, so this package has one function per
path, and no probe.

## On a Mac (macOS 15 or later)

    pip install coremltools numpy pillow
    python3 coreml.py --unit {_unit(subject)}

## On an iPhone or iPad (iOS 18 or later)

In an app of your own, for every path P of every list in `rounds` of `kit.json`: load the compiled package once with
`MLModelConfiguration.functionName = "path_P"` and the `computeUnits` that you will ship with, predict three times to
warm up, and then, in the order of `rounds`, time one `prediction(from:)` of what `inputs/` holds, as {inputs}, with
`ContinuousClock`. Write `samples.json`: `samples` in `kit.json`, with `device`, `soc`, `os`, `runtime_version`,
`threads` (1), `compute_unit` (`cpu`, `gpu` or `neural_engine`), `delegate` (what you asked for) and `date` set, and a
list `samples` of objects `{{"path": "P", "round": 0, "latency_ms": 12.3}}` in the order in which they were taken.
"""
