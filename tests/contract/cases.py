"""Make the contract cases: inputs, and what the Python reference says to them.

``python -m tests.contract`` writes them into ``runtimes/contract``; the tests here make them anew and compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pam_edge.app.controller import Conditions, Controller, Unit
from pam_edge.app.ladder import Trial, decide, verdict_key
from pam_edge.delivery.artifact.content import content_hash
from pam_edge.evaluation.dynamic_parity import is_tie
from pam_edge.evaluation.parity import LIMITS, Colours, colour_deviation, deviation
from pam_edge.matting import tiling
from pam_edge.matting.foreground import foreground_blocks
from pam_edge.matting.trimaps import mask_from_trimap, trimap_from_mask
from pam_edge.measuring.samples import SampleFile
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Precision, Thermal
from tests.contract import manifests, traces
from tests.contract.coding import base64_of, encode
from tests.contract.pictures import U8, blobs, picture
from tests.contract.toy import ToyMatter

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Topic:
    """One file of cases.

    Attributes:
        about: for whoever writes a fifth language.
        tolerance: within which numbers of an answer are equal; 0 where they must be the same.
        make: makes the cases.
    """

    about: str
    tolerance: float
    make: Callable[[], list[Record]]


def hashes() -> list[Record]:
    folders = {
        "one file": {"model.tflite": b"abc"},
        "an empty file": {"model.tflite": b""},
        "a long file": {"model.tflite": bytes(range(256)) * 5},
        "a package": {
            "m.mlpackage/Manifest.json": b"{}",
            "m.mlpackage/Data/weight.bin": b"\0\1\2",
            "m.mlpackage/a": b"",
        },
    }
    made = []
    for name, files in folders.items():
        with TemporaryDirectory() as folder:
            for path, data in files.items():
                (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / path).write_bytes(data)
            root = next(iter(files)).split("/")[0]
            found = content_hash(Path(folder) / root)
        given = [{"path": path, "base64": base64_of(data)} for path, data in files.items()]
        made.append({"name": name, "root": root, "files": given, "expect": found})
    assert made[0]["expect"] == hashlib.sha256(b"abc").hexdigest()
    return made


def bands() -> list[Record]:
    masks = {
        "hard": blobs(40, 56, 1, soft=False),
        "soft": blobs(47, 33, 2, soft=True),
        "empty": np.zeros((20, 24), np.uint8),
        "full": np.full((20, 24), 255, np.uint8),
        "grey": np.full((9, 7), 120, np.uint8),
        "one pixel": np.array([[255]], np.uint8),
        "nearly black and nearly white": np.array([[0, 5, 6, 249, 250, 255]] * 4, np.uint8),
        "large": blobs(216, 320, 3, soft=False),
    }
    made = []
    for name, mask in masks.items():
        for band in (None, 0, 1, 5):
            if name == "large" and band is not None:
                continue
            given = {"name": f"{name}, band {band}", "kind": "trimap", "mask": encode(mask), "band_px": band}
            made.append(given | {"expect": encode(trimap_from_mask(mask, band))})
    return made + _masks()


def _masks() -> list[Record]:
    """What ``trimap_from_mask`` makes of a mask, back: for graphs that make the band themselves."""
    edge = trimap_from_mask(blobs(40, 56, 1, soft=False), 5)
    made = []
    for name, trimap, band, size in (
        ("the band that made it", edge, 5, None),
        ("a narrower band: what is deep stays soft", edge, 2, None),
        ("no band", edge, 0, None),
        ("soft", trimap_from_mask(blobs(47, 33, 2, soft=True), 3), 3, None),
        ("a smaller mask", edge, 5, (17, 23)),
        ("half the size", edge, 5, (20, 28)),
        ("everything unknown", np.full((9, 7), 128, np.uint8), 4, None),
        ("nothing unknown", np.full((9, 7), 255, np.uint8), 4, None),
        ("no background", np.array([[255, 128, 128, 128]] * 3, np.uint8), 1, None),
        ("equally near to both sides", np.array([[0, 128, 255]], np.uint8), 1, None),
        ("one pixel", np.array([[128]], np.uint8), 1, None),
    ):
        height, width = size or trimap.shape
        given: Record = {"name": f"mask, {name}", "kind": "mask", "trimap": encode(trimap), "band_px": band}
        mask = mask_from_trimap(trimap, band, height, width)
        made.append(given | {"height": height, "width": width, "expect": encode(mask)})
    return made


def foreground() -> list[Record]:
    generator = np.random.default_rng(12)
    soft = blobs(60, 84, 13, soft=True).astype(np.float32) / 255
    made = []
    for name, alpha in {
        "soft edges": soft,
        "hair": np.where(generator.random((9, 300)) < 0.1, generator.random((9, 300)), 0),
        "hard edges": (soft > 0.5).astype(np.float32),
        "nearly nothing": np.full((12, 30), 0.002),
        "nearly everything": np.full((12, 30), 0.998),
        "nothing": np.zeros((9, 7)),
        "everything": np.ones((9, 7)),
        "one pixel": np.full((1, 1), 0.5),
        "two pixels": np.array([[1.0, 0.25]]),
        "longer than a block": np.tile(np.linspace(0, 1, 1100), (3, 1)),
    }.items():
        height, width = alpha.shape
        image, alpha = picture(height, width, 14), alpha.astype(np.float32)
        colours = np.zeros((*alpha.shape, 3), np.float32)
        for block, found in foreground_blocks(image, alpha):
            colours[block] = found
        given = {"name": name, "image": encode(image), "alpha": encode(alpha)}
        made.append(given | {"expect": encode(alpha[..., None] * colours)})
    return made


def tiles() -> list[Record]:
    made: list[Record] = []
    sizes = [(512, 288), (288, 512), (128, 128)]
    for height, width in ((1080, 1920), (1920, 1080), (100, 100), (4032, 3024), (130, 128), (1, 1), (512, 288)):
        chosen = list(tiling.choose_size(sizes, height, width))
        given: Record = {"name": f"size for {height}x{width}", "kind": "size", "sizes": [list(size) for size in sizes]}
        made.append(given | {"height": height, "width": width, "expect": chosen})
    for length, tile in ((1, 32), (32, 32), (33, 32), (100, 64), (512, 512), (513, 512), (1000, 512), (3024, 512)):
        axis = tiling._cover(length, tile)
        expect = {"length": axis.length, "starts": list(axis.starts), "weights": encode(axis.weights)}
        if length > 1000:  # the weights of so many pixels say nothing new
            del expect["weights"]
        made.append(
            {"name": f"{length} pixels by {tile}", "kind": "axis", "size": length, "tile": tile, "expect": expect}
        )
    for name, height, width, model, mask, band in (
        ("one tile, exactly", 64, 96, (64, 96), blobs(64, 96, 4, soft=False), 5),
        ("smaller than a tile", 40, 50, (64, 64), blobs(40, 50, 5, soft=False), 4),
        ("much smaller than a tile", 7, 5, (64, 64), np.full((7, 5), 100, np.uint8), 0),
        ("six tiles", 100, 150, (64, 64), blobs(100, 150, 6, soft=True), 12),
        ("tiles that see no background", 160, 200, (64, 64), blobs(160, 200, 7, soft=False), 70),
        ("everything unknown", 90, 130, (64, 64), np.full((90, 130), 128, np.uint8), 0),
        ("nothing unknown", 100, 100, (64, 64), np.full((100, 100), 255, np.uint8), 0),
    ):
        image, trimap = picture(height, width, 8), trimap_from_mask(mask, band)
        alpha = tiling.matte_any_size(ToyMatter(*model), image, trimap)
        given = {"name": name, "kind": "matte", "model": list(model)}
        given |= {"image": encode(image), "trimap": encode(trimap)}
        made.append(given | {"expect": encode(alpha)})
    return made


def controller() -> list[Record]:
    return [trace.case() | {"expect": follow(trace)} for trace in traces.all_traces()]


def follow(trace: traces.Trace) -> Record:
    """Let a controller drive a device whose pace is written down, and return what it did."""
    units = [Unit(each.name, each.in_background, each.self_test_pace) for each in trace.units]
    driven, paces = Controller(trace.costs, units), {each.name: each.true_pace for each in trace.units}
    levels, used, missed = [], [], 0
    for call in trace.calls:
        conditions = Conditions(Thermal(call.thermal), call.low_power, call.background)
        choice = driven.choose(call.deadline_ms, conditions)
        levels.append(choice.level)
        used.append(choice.unit)
        if choice.unit is None:
            continue
        measured_ms = trace.costs[choice.level] * paces[choice.unit] * call.slowdown
        missed += measured_ms > call.deadline_ms
        driven.record(choice, measured_ms)
    return {
        "levels": levels,
        "units": used,
        "missed": missed,
        "paces": {unit.name: driven.pace(unit.name) for unit in units},
    }


def ladder() -> list[Record]:
    right, wrong = (True, 10.0), (False, 1.0)

    def trial(unit: str, found: tuple[bool, float] | str) -> Trial:
        if isinstance(found, str):
            return Trial(unit, found, None, None)
        return Trial(unit, None, *found)

    given = {
        "all right": [trial("neural_engine", (True, 3.0)), trial("gpu", (True, 5.0)), trial("cpu", right)],
        "wrong first": [trial("neural_engine", wrong), trial("gpu", (True, 5.0)), trial("cpu", right)],
        "cannot load": [trial("gpu", "no such delegate"), trial("cpu", right)],
        "slower than the CPU": [trial("gpu", (True, 10.5)), trial("cpu", right)],
        "as fast as the CPU": [trial("gpu", (True, 10.0)), trial("cpu", right)],
        "slow and wrong is wrong": [trial("gpu", (False, 50.0)), trial("cpu", right)],
        "a wrong CPU is no measure": [trial("gpu", (True, 50.0)), trial("cpu", wrong)],
        "a CPU that fails is no measure": [trial("gpu", (True, 50.0)), trial("cpu", "killed")],
        "nothing right": [trial("webgpu", "none"), trial("wasm_threads", wrong), trial("wasm", wrong)],
        "the CPU alone": [trial("cpu", right)],
        "the CPU alone, wrong": [trial("cpu", wrong)],
    }
    made: list[Record] = []
    for name, trials in given.items():
        verdict = decide(trials)
        steps = [{"unit": step.unit, "fault": step.fault.value} for step in verdict.steps]
        case = {"name": name, "kind": "verdict", "trials": [asdict(each) for each in trials]}
        made.append(case | {"expect": {"unit": verdict.unit, "steps": steps}})
    for files in (["aa"], ["aa", "bb"], ["aa", "aa", "bb"]):
        key = verdict_key("iPhone14,5", "iOS 26.1 (23B85)", "Core ML", files)
        case = {
            "name": f"key of {len(files)} files",
            "kind": "key",
            "device": "iPhone14,5",
            "system": "iOS 26.1 (23B85)",
        }
        made.append(case | {"runtime": "Core ML", "sha256": files, "expect": key})
    return made


def golden() -> list[Record]:
    trimap = trimap_from_mask(blobs(12, 16, 9, soft=False), 2)
    generator = np.random.default_rng(10)
    alpha = generator.random(trimap.shape, np.float32)
    colours = (generator.random((*trimap.shape, 3)) * 255).astype(np.float32)
    at = tuple(np.argwhere(trimap == 128)[0])
    outside = tuple(np.argwhere(trimap != 128)[0])

    def moved(values: NDArray[np.float32], where: tuple[int, ...], by: float) -> NDArray[np.float32]:
        found = values.copy()
        found[where] += np.float32(by)
        return found

    found = {
        "the same": alpha,
        "one pixel within fp32": moved(alpha, at, 5e-5),
        "one pixel beyond fp32": moved(alpha, at, 2e-4),
        "one known pixel beyond fp32": moved(alpha, outside, 2e-4),
        "all a little off: RMS": alpha + np.float32(5e-5),
        "half precision": moved(alpha, at, 0.01),
        "half precision beyond": moved(alpha, at, 0.05),
        "not a number": moved(alpha, at, float("nan")),
        "infinite": moved(alpha, outside, float("inf")),
        "upside down": alpha[::-1],
        "zero": np.zeros_like(alpha),
    }
    made: list[Record] = []
    for name, values in found.items():
        for precision in Precision:
            off = deviation(values, alpha, trimap)
            case: Record = {"name": f"{name}, {precision}", "kind": "alpha", "precision": precision.value}
            case |= {"trimap": encode(trimap), "expected": encode(alpha), "found": encode(values)}
            made.append(case | {"expect": _judged(off.max_abs, off.rms, off.within(LIMITS[precision]))})
    for name, values in {
        "the same": colours,
        "red and blue swapped": colours[..., ::-1],
        "one off": colours + 1,
    }.items():
        off_colours = colour_deviation(Colours(alpha, values), Colours(alpha, colours), trimap)
        assert off_colours is not None
        case = {"name": f"foreground, {name}", "kind": "foreground", "precision": "fp32", "trimap": encode(trimap)}
        case |= {"alpha": encode(alpha), "expected": encode(colours), "found": encode(np.ascontiguousarray(values))}
        passes = off_colours.within(LIMITS[Precision.FP32])
        made.append(case | {"expect": _judged(off_colours.max_abs, off_colours.rms, passes)})
    return made + _paths()


def _judged(max_abs: float, rms: float, passes: bool) -> Record:
    known = bool(np.isfinite(max_abs))
    return {"max_abs": max_abs if known else None, "rms": rms if known and np.isfinite(rms) else None, "passes": passes}


def _paths() -> list[Record]:
    made = []
    margins = [1.5, None, -0.00005, 3.0]
    for name, taken in {
        "same": "1100",
        "decided": "0100",
        "forced": "1000",
        "undecided": "1110",
        "two": "1111",
    }.items():
        tie = is_tie(PathSpec.parse(taken), PathSpec.parse("1100"), margins, LIMITS[Precision.FP32].gate_margin)
        case = {"name": f"path, {name}", "kind": "path", "precision": "fp32", "margins": margins}
        case |= {"expected": "1100", "found": taken}
        made.append(case | {"expect": {"same": taken == "1100", "tie": tie}})
    return made


_DEVICE = {
    "device": "iPhone 13",
    "soc": "Apple A15 Bionic",
    "os": "iOS 26.1",
    "target": "tflite",
    "runtime": "LiteRT",
    "runtime_version": "2.3.0",
    "compute_unit": "cpu",
    "delegate": "XNNPACK",
    "threads": 2,
    "precision": "fp32",
    "height": 64,
    "width": 96,
    "variant": "pam-tiny",
    "architecture_hash": "0123456789ab",
    "date": "2026-01-31",
    "tool": "an app 1.2",
}


def probe() -> list[Record]:
    made: list[Record] = []
    for name, times in {
        "one": [5.0],
        "two": [5.0, 7.0],
        "odd": [9.0, 1.0, 5.0],
        "many": [float(each) for each in np.random.default_rng(11).gamma(4.0, 2.0, 41).round(3)],
        "equal": [3.0, 3.0, 3.0, 3.0],
    }.items():
        expect = {"median": float(np.median(times)), "p90": float(np.percentile(times, 90))}
        made.append({"name": name, "kind": "statistics", "latency_ms": times, "expect": expect})
    taken = [
        {"path": "11010010110", "round": 0, "latency_ms": 7.5},
        {"path": "00101101001", "round": 0, "latency_ms": 4.25, "thermal": "nominal"},
        {"path": "11010010110", "round": 1, "latency_ms": 7.75, "thermal": "serious"},
    ]
    for name, memory in (("with memory", 183500800), ("without memory", None)):
        document = {"schema_version": 1, **_DEVICE, "samples": taken}
        if memory is not None:
            document["peak_memory_bytes"] = memory
        SampleFile.model_validate(document)
        case = {"name": f"samples {name}", "kind": "samples", "about": _DEVICE, "samples": taken}
        made.append(case | {"peak_memory_bytes": memory, "expect": document})
    return made


def device_outputs() -> list[Record]:
    alpha = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    colours = np.arange(36, dtype=np.float32).reshape(3, 4, 3) * np.float32(7)
    case = {"entry_point": "mild", "picture": "astronaut", "alpha": encode(alpha)}
    files = {"mild.astronaut.alpha.f32": base64_of(alpha.astype("<f4").tobytes())}
    made = [{"name": "alpha", **case, "foreground": None, "path": None, "expect": files}]
    with_path = files | {"mild.astronaut.path.f32": base64_of(np.array([1, 0, 0, 1], "<f4").tobytes())}
    made.append({"name": "alpha and path", **case, "foreground": None, "path": "1001", "expect": with_path})
    everything = with_path | {"mild.astronaut.foreground.f32": base64_of(colours.astype("<f4").tobytes())}
    return [*made, {"name": "all", **case, "foreground": encode(colours), "path": "1001", "expect": everything}]


def pixels() -> list[Record]:
    """Pixel buffers as platforms give them; Python has no such buffers, so what is expected is where they came from."""
    upright = picture(5, 7, 12)
    made: list[Record] = []
    for orientation in range(1, 9):
        made.append(_buffer(f"orientation {orientation}", upright, "rgba", 0, orientation, None))
    for order in ("rgba", "bgra", "argb", "rgb"):
        for padding in (0, 5):
            made.append(_buffer(f"{order}, {padding} bytes of padding", upright, order, padding, 1, None))
    alpha = np.full(upright.shape[:2], 255, np.uint8)
    alpha[1, 2], alpha[2, 3], alpha[3, 4] = 128, 1, 0
    made.append(_buffer("premultiplied", upright, "bgra", 8, 6, alpha))
    return made


_STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}
"""How an upright picture lies in a file of each EXIF orientation."""


def _buffer(name: str, upright: U8, order: str, padding: int, orientation: int, alpha: U8 | None) -> Record:
    opacity = np.full(upright.shape[:2], 255, np.uint8) if alpha is None else alpha
    colours, expect = upright, upright
    if alpha is not None:
        share = opacity[..., None].astype(np.float64) / 255
        colours = np.asarray((upright * share).round(), np.uint8)
        with np.errstate(divide="ignore", invalid="ignore"):
            straight = np.where(share > 0, np.floor(colours / share + 0.5), 0)
        expect = np.asarray(straight.clip(0, 255), np.uint8)
    stored, covers = _STORED[orientation](colours), _STORED[orientation](opacity)
    channels = {"r": stored[..., 0], "g": stored[..., 1], "b": stored[..., 2], "a": covers}
    rows = np.stack([channels[letter] for letter in order], axis=2).reshape(stored.shape[0], -1)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    return {
        "name": name,
        "order": order,
        "width": stored.shape[1],
        "height": stored.shape[0],
        "row_bytes": padded.shape[1],
        "premultiplied": alpha is not None,
        "orientation": orientation,
        "bytes": base64_of(np.ascontiguousarray(padded).tobytes()),
        "expect": encode(np.ascontiguousarray(expect)),
    }


TOPICS = {
    "manifest": Topic("Read the text of manifest.json, or refuse it as newer or damaged.", 0, manifests.cases),
    "hashes": Topic("SHA-256 of a file; of a folder over its files' names and contents in sorted order.", 0, hashes),
    "bands": Topic(
        "A mask's trimap: exact distances; band null is the default reach. And a trimap's mask, of any size.", 0, bands
    ),
    "foreground": Topic(
        "The colours of a cut-out whose graph gives alpha alone: alpha x colour, 0 to 255, of colours as bytes.",
        0.75,
        foreground,
    ),
    "tiling": Topic(
        "Which size, where tiles start and weigh, and a picture of any size with the toy model.", 2e-5, tiles
    ),
    "controller": Topic("Drive a device: a call takes cost x true pace x slowdown milliseconds.", 1e-9, controller),
    "ladder": Topic("From trials to the compute unit that is used; and the key of a verdict.", 0, ladder),
    "golden": Topic("Judge what was found against what was expected, by the limits of the precision.", 1e-6, golden),
    "probe": Topic("Median and 90th percentile (linear between ranks); the file of samples.", 1e-9, probe),
    "device_outputs": Topic("Names and bytes of the files that verify --device-outputs reads.", 0, device_outputs),
    "pixels": Topic(
        "A pixel buffer to RGB: channel order, padded rows, premultiplied colours, EXIF orientation.", 0, pixels
    ),
}


def document(topic: str) -> Record:
    """Return the content of a topic's file."""
    about = TOPICS[topic]
    return {"about": about.about, "tolerance": about.tolerance, "cases": about.make()}
