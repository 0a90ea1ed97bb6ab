"""What is changed, the command that is given it, and what may become of one that takes it."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.content import content_hash
from pam_edge.delivery.convert import convert
from pam_edge.device_profiles import load_profile
from pam_edge.matting.images import read_image
from pam_edge.supernet.checkpoint import load_checkpoint, save_checkpoint
from pam_edge.targets import Target
from pam_edge.terms import Mode
from tests.campaign.mutations import (
    Mutation,
    change_bytes,
    change_json,
    change_png_header,
    change_safetensors,
    change_text,
)
from tests.conftest import minute_request
from tests.simulated_device import SimulatedDevice

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Subject:
    """One kind of file.

    Attributes:
        name: of the kind.
        file: as it should be, in a folder of its own that is copied whole for each try.
        mutations: ways to change it.
        command: arguments, given the copy of the file and a scratch folder.
        wrong: what is wrong with a file that was taken, given its copy, what the command printed, and the scratch
            folder; empty if nothing.
    """

    name: str
    file: Path
    mutations: tuple[Mutation, ...]
    command: Callable[[Path, Path], list[str]]
    wrong: Callable[[Path, str, Path], str]


def _plans(folder: Path) -> Iterator[Subject]:
    def file_of(name: str) -> Path:
        (folder / name).mkdir(parents=True)
        return folder / name / name

    profile = file_of("iphone13.toml")
    shutil.copy(ROOT / "device_profiles/iphone13.toml", profile)
    yield Subject("profile", profile, (change_bytes, change_text), _plan("--profile"), _wrong_numbers)
    weights = file_of("minute.safetensors")
    minute = load_checkpoint("pam-minute")
    save_checkpoint(weights, minute.supernet, minute.training)
    yield Subject("checkpoint", weights, (change_bytes, change_safetensors), _plan("--checkpoint"), _wrong_numbers)


def _plan(option: str) -> Callable[[Path, Path], list[str]]:
    more = ["--target", "coreml", "--checkpoint", "pam-minute"] if option == "--profile" else []
    return lambda file, scratch: ["plan", option, str(file), *more, "--size", "64", "--json"]


def _samples(folder: Path) -> Iterator[Subject]:
    (folder / "samples").mkdir()
    file = folder / "samples/samples.json"
    file.write_text(json.dumps(SimulatedDevice().file()))

    def wrong(copy: Path, printed: str, scratch: Path) -> str:
        load_profile(str(scratch / "phone.toml"))  # raises if what was written cannot be read
        return _wrong_numbers(copy, printed, scratch)

    yield Subject(
        "samples",
        file,
        (change_bytes, change_json),
        lambda copy, scratch: ["profile", "import", str(copy), "-o", str(scratch / "phone.toml"), "--json"],
        wrong,
    )


def _pictures(folder: Path) -> Iterator[Subject]:
    random = np.random.default_rng(1)
    photo = cv2.resize(random.integers(0, 256, (12, 9, 3), np.uint8), (90, 120), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros((120, 90), np.uint8)
    mask[30:100, 20:70] = 255

    def wrong(copy: Path, printed: str, scratch: Path) -> str:
        read_image(scratch / "out.png")
        return _wrong_numbers(copy, printed, scratch)

    for name in ("photo.png", "photo.jpg", "photo.webp", "photo.tiff", "mask.png"):
        (folder / name).mkdir()
        cv2.imwrite(str(folder / name / "photo.png"), photo)
        cv2.imwrite(str(folder / name / "mask.png"), mask)
        cv2.imwrite(str(folder / name / name), mask if name == "mask.png" else photo)

        def command(copy: Path, scratch: Path, is_mask: bool = name == "mask.png") -> list[str]:
            picture = copy.parent / "photo.png" if is_mask else copy
            options = ["--mask", str(copy.parent / "mask.png"), "--model", "pam-minute", "-o", str(scratch / "out.png")]
            return ["matte", str(picture), *options, "--json"]

        more = (change_png_header,) if name.endswith(".png") else ()
        yield Subject(name, folder / name / name, (change_bytes, *more), command, wrong)


def _artifacts(folder: Path) -> Iterator[Subject]:
    request = minute_request(folder / "artifacts", targets=(Target.TFLITE, Target.COREML), mode=Mode.STATIC)
    platforms = {Target.TFLITE: "android", Target.COREML: "ios"}
    for artifact in convert(request):
        target, root = artifact.manifest.target, artifact.directory
        command = partial(_package, root, platforms[target])
        manifest = root / "manifest.json"
        yield Subject(f"{target} manifest", manifest, (change_bytes, change_json), command, _wrong_manifest)
        pieces = {
            f"{target} model": next(each for each in _files(artifact.file(artifact.manifest.entry_points[0]))),
            f"{target} golden": next(each for each in _files(root / "golden")),
        }
        for name, piece in pieces.items():
            yield Subject(name, piece, (change_bytes,), command, partial(_unlike, root))


def _package(root: Path, platform: str, copy: Path, scratch: Path) -> list[str]:
    return ["package", str(_root(copy, root)), "--platform", platform, "-o", str(scratch / "bundle"), "--json"]


def _unlike(root: Path, copy: Path, printed: str, scratch: Path) -> str:
    original = root / copy.relative_to(_root(copy, root))
    return "" if content_hash(copy) == content_hash(original) else "taken though it is not what was made"


def _wrong_manifest(copy: Path, printed: str, scratch: Path) -> str:
    Artifact.read(copy.parent)
    return _wrong_numbers(copy, printed, scratch)


def _root(copy: Path, root: Path) -> Path:
    """Return the copy of an artifact's folder that a copy of one of its files is in."""
    return next(parent for parent in copy.parents if parent.name == root.name)


def _files(path: Path) -> Iterator[Path]:
    yield from [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())


def _wrong_numbers(copy: Path, printed: str, scratch: Path) -> str:
    """Return what is wrong with printed JSON: it has to be one object without numbers that are none or negative."""
    found = json.loads(printed, parse_constant=lambda name: math.nan)
    bad = [each for each in _numbers(found) if not each >= 0]
    return f"numbers that cannot be: {bad[:3]}" if bad else ""


def _numbers(content: Any) -> Iterator[float]:
    if isinstance(content, dict | list):
        for each in content.values() if isinstance(content, dict) else content:
            yield from _numbers(each)
    elif isinstance(content, int | float):
        yield float(content)


KINDS: dict[str, Callable[[Path], Iterator[Subject]]] = {
    "plans": _plans,
    "samples": _samples,
    "pictures": _pictures,
    "artifacts": _artifacts,
}
"""What makes files, by the kind of them."""
