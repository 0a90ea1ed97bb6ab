"""Manifests for cases: small ones that the schema takes, and what may be wrong with them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from pam_edge.delivery.artifact.manifest import Manifest

Record = dict[str, Any]
_SHA = "0123456789abcdef" * 4


def tensor(name: str, *shape: int) -> Record:
    return {"name": name, "type": "float32", "shape": list(shape), "layout": "NHWC", "meaning": name}


def entry(name: str, size: tuple[int, int], *, source: str = "trimap", result: str = "alpha", **changes: Any) -> Record:
    height, width = size
    inputs = [tensor("image", 1, height, width, 3), tensor(source, 1, height, width, 1)]
    outputs = [tensor("alpha", 1, height, width, 1)]
    if result == "cutout":
        outputs.append(tensor("foreground", 1, height, width, 3))
    return {
        "name": name,
        "height": height,
        "width": width,
        "ends": {
            "source": source,
            "result": result,
            "band_px": 4 if source == "mask" else 0,
            "mask_height": None,
            "mask_width": None,
        },
        "inputs": inputs,
        "outputs": outputs,
        "budget": "100%",
        "path": "1101",
        "function": "serving_default",
        "budget_input": None,
        "predicted_cost": 25.5,
        "cost_unit": "ms",
        "cost_provenance": "estimated",
        "cost_interval": [20.0, 30.0],
        "gmacs": 2.5,
        "objective": "least error",
        "file": f"{name}.tflite",
        "sha256": _SHA,
        "bytes": 1000,
    } | changes


def golden(size: tuple[int, int], *names: str) -> Record:
    height, width = size
    return {
        "picture": "astronaut",
        "height": height,
        "width": width,
        "image": "golden/astronaut.image.png",
        "trimap": "golden/astronaut.trimap.png",
        "mask": None,
        "previous": None,
        "previous_path": None,
        "alphas": {name: f"golden/{name}.astronaut.alpha.f32" for name in names},
        "foregrounds": {},
        "paths": {},
    }


def manifest(mode: str, entries: list[Record], **changes: Any) -> Record:
    sizes = list(dict.fromkeys((each["height"], each["width"]) for each in entries))
    return {
        "schema_version": 2,
        "checkpoint": {
            "reference": "pam-minute",
            "sha256": _SHA,
            "variant": "pam-minute",
            "architecture_hash": "0123456789ab",
            "trained": True,
            "summary": "a network for tests",
        },
        "target": "tflite",
        "mode": mode,
        "precision": "fp32",
        "io": "tensor",
        "profile": None,
        "selection": None,
        "needs": {"android": "Android 8 (API 26)"},
        "accelerators": [{"accelerator": "CPU (XNNPACK)", "suits": True, "why": "one partition"}],
        "entry_points": entries,
        "command": "pam-edge convert",
        "parity": [],
        "golden": [
            golden(size, *(each["name"] for each in entries if (each["height"], each["width"]) == size))
            for size in sizes
        ],
        "tool_versions": {"pam-edge": "0.1.0"},
    } | changes


def static() -> Record:
    return manifest(
        "static", [entry("mild", (64, 96)), entry("aggressive", (64, 96), path="1000", predicted_cost=20.0)]
    )


def of(target: str) -> Record:
    """Return one that reads well everywhere, and is then refused where another target's files run."""
    return static() | {"target": target}


def multi() -> Record:
    return manifest(
        "multi",
        [
            entry(f"{name}_{height}x{width}", (height, width), file="model.tflite", function=f"{name}_{height}x{width}")
            | {"path": path, "predicted_cost": cost}
            for height, width in ((64, 96), (96, 64))
            for name, path, cost in (("mild", "1101", 25.5), ("aggressive", "1000", 20.0))
        ],
    )


def dynamic() -> Record:
    def live(name: str, budget: float) -> Record:
        record = entry(name, (64, 64), result="cutout", file="model.tflite", path=None, budget_input=budget)
        record["inputs"].append(tensor("budget", 1))
        record["outputs"] += [tensor("path", 4), tensor("cost", 1)]
        return record | {"predicted_cost": budget}

    costs = {"unit": "ms", "fixed": 10.0, "run": [5.0, 4.0, 3.0, 3.5], "bypass": [0.5, 0.25, 0.5, 0.25]}
    selection = costs | {"margin": 0.5, "thresholds": [11.5, 18.0, 25.5]}
    made = manifest("dynamic", [live("mild", 25.5), live("aggressive", 20.0)], selection=selection)
    for name in ("mild", "aggressive"):
        base = f"golden/{name}.astronaut"
        made["golden"][0]["foregrounds"][name] = f"{base}.foreground.f32"
        made["golden"][0]["paths"][name] = {"file": f"{base}.path.f32", "margins": [1.5, None, -0.25, 3.0]}
    return made


def video() -> Record:
    record = entry("mild", (64, 64), source="mask", function="main")
    record["ends"] |= {"source": "mask+previous", "mask_height": 32, "mask_width": 32}
    record["inputs"][1] = tensor("mask", 1, 32, 32, 1)
    record["inputs"].append(tensor("previous", 1, 64, 64, 1))
    return manifest("static", [record])


def quantised(precision: str) -> Record:
    scores = {"pictures": 6, "sad_float": 4.0, "sad": 4.1, "mse_float": 40.0, "mse": 40.5}
    quality = {"path": "1101", "height": 64, "width": 96, **scores, "worst_picture": "hair", "worst_change": 0.02}
    record = {
        "float_parts": {"head": None, "enc8.1": 0.01},
        "ranges": {"input": [-2.1, 2.6]} if precision == "int8" else {},
        "calibration": [{"picture": "astronaut", "sha256": _SHA}],
        "quality": [quality],
    }
    return manifest("static", [entry("mild", (64, 96))], precision=precision, quantisation=record)


GOOD: dict[str, Callable[[], Record]] = {
    "static": static,
    "multi": multi,
    "dynamic": dynamic,
    "video": video,
    "int8": partial(quantised, "int8"),
    "w8": partial(quantised, "w8"),
    "w6": partial(quantised, "w6"),
    **{f"for {target}": partial(of, target) for target in ("coreml", "executorch", "coreai")},
}


def _set(*place: Any, to: Any) -> Callable[[Record], None]:
    def change(record: Record) -> None:
        inner: Any = record
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = to

    return change


def _drop(*place: Any) -> Callable[[Record], None]:
    def change(record: Record) -> None:
        inner: Any = record
        for key in place[:-1]:
            inner = inner[key]
        del inner[place[-1]]

    return change


def _replace_by(**record: Any) -> Callable[[Record], None]:
    def change(old: Record) -> None:
        old.clear()
        old.update(record)

    return change


_FIRST = ("entry_points", 0)
BAD: dict[str, tuple[str, Callable[[Record], None]]] = {
    "a newer schema": ("newer", _set("schema_version", to=3)),
    "a much newer schema with other keys": ("newer", _replace_by(schema_version=9)),
    "an older schema": ("damaged", _set("schema_version", to=1)),
    "a schema that is no number": ("damaged", _set("schema_version", to="2")),
    "no schema": ("damaged", _drop("schema_version")),
    "no entry points": ("damaged", _set("entry_points", to=[])),
    "an entry point without a file": ("damaged", _drop(*_FIRST, "file")),
    "a file above the folder": ("damaged", _set(*_FIRST, "file", to="../mild.tflite")),
    "a file at an absolute path": ("damaged", _set(*_FIRST, "file", to="/etc/passwd")),
    "an empty file name": ("damaged", _set(*_FIRST, "file", to="")),
    "a golden file above the folder": ("damaged", _set("golden", 0, "image", to="golden/../../x.png")),
    "a hash that is too short": ("damaged", _set(*_FIRST, "sha256", to="0123")),
    "two entry points of one name": ("damaged", _set("entry_points", 1, "name", to="mild")),
    "a size of no multiple of 32": ("damaged", _set(*_FIRST, "height", to=65)),
    "a size of zero": ("damaged", _set(*_FIRST, "height", to=0)),
    "an image of another shape than the size": ("damaged", _set(*_FIRST, "inputs", 0, "shape", to=[1, 32, 32, 3])),
    "a path of other letters": ("damaged", _set(*_FIRST, "path", to="11x1")),
    "paths of two lengths": ("damaged", _set(*_FIRST, "path", to="11011")),
    "no path in a static graph": ("damaged", _set(*_FIRST, "path", to=None)),
    "a cost that is no number": ("damaged", _set(*_FIRST, "predicted_cost", to="cheap")),
    "a negative cost": ("damaged", _set(*_FIRST, "predicted_cost", to=-1.0)),
    "an unknown mode": ("damaged", _set("mode", to="elastic")),
    "an unknown target": ("damaged", _set("target", to="onnx")),
    "an unknown source": ("damaged", _set(*_FIRST, "ends", "source", to="depth")),
    "one file for two static graphs": ("damaged", _set("entry_points", 1, "file", to="mild.tflite")),
    "dynamic without a selection": ("damaged", _set("mode", to="dynamic")),
}

TEXTS = {"nothing": "", "no JSON": "{", "a list": "[]", "a number": "2", "null": "null"}


def cases() -> list[Record]:
    made: list[Record] = []
    for name, make in GOOD.items():
        text = json.dumps(make())
        made.append({"name": name, "text": text, "expect": _reading(Manifest.model_validate_json(text, strict=True))})
    for name, (error, change) in BAD.items():
        record = copy.deepcopy(static())
        change(record)
        made.append({"name": name, "text": json.dumps(record), "expect": {"error": error}})
    return made + [{"name": name, "text": text, "expect": {"error": "damaged"}} for name, text in TEXTS.items()]


def _reading(read: Manifest) -> Record:
    """Return what an app needs of a manifest."""
    return {
        "target": read.target.value,
        "mode": read.mode.value,
        "precision": read.precision.value,
        "io": read.io.value,
        "verified": read.verified,
        "sizes": [list(size) for size in read.sizes],
        "block_count": read.block_count,
        "margin": read.selection.margin if read.selection else None,
        "entry_points": [
            {
                "name": each.name,
                "height": each.height,
                "width": each.width,
                "source": each.ends.source.value,
                "result": each.ends.result.value,
                "band_px": each.ends.band_px,
                "mask_height": each.ends.mask_height,
                "mask_width": each.ends.mask_width,
                "inputs": [{"name": one.name, "shape": list(one.shape)} for one in each.inputs],
                "outputs": [{"name": one.name, "shape": list(one.shape)} for one in each.outputs],
                "path": each.path,
                "function": each.function,
                "budget_input": each.budget_input,
                "predicted_cost": each.predicted_cost,
                "cost_unit": each.cost_unit.value,
                "cost_provenance": each.cost_provenance.value,
                "file": each.file,
                "sha256": each.sha256,
            }
            for each in read.entry_points
        ],
        "golden": [
            {
                "picture": each.picture,
                "height": each.height,
                "width": each.width,
                "image": each.image,
                "trimap": each.trimap,
                "mask": each.mask,
                "alphas": dict(each.alphas),
                "foregrounds": dict(each.foregrounds),
                "paths": {key: {"file": one.file, "margins": list(one.margins)} for key, one in each.paths.items()},
            }
            for each in read.golden
        ],
    }
