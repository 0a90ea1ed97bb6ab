"""Time the paths in this folder's file on a Mac, and write samples.json for `pam-edge profile import`.

README.md says which macOS and packages that takes, and how an app does the same on an iPhone or iPad. Stop it whenever
you like: the next run goes on with the next round.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import hashlib
import json
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

KIT = Path(__file__).resolve().parent
SAMPLES = KIT / "samples.json"
STAYS_HERE = KIT / "mac.json"
"""What must stay the same while samples are taken, and nobody else needs to know: this Mac (a hash)."""
UNITS = ("cpu", "gpu", "neural_engine")
WARM_UP_CALLS = 3


class Runtime(NamedTuple):
    """What runs the file: its package's name and version, what it was asked for, and how to load a path's call."""

    version: str
    asked: str
    load: Callable[[str], Callable[[], object]]


def main() -> None:
    """Time every path in every round that is left."""
    kit = json.loads((KIT / "kit.json").read_text())
    arguments = parse(kit)
    runtime = {"coreml": core_ml, "coreai": core_ai}[kit["samples"]["target"]](kit, arguments.unit)
    samples = resume(kit, arguments.unit, runtime)
    calls = {path: runtime.load(path) for path in dict.fromkeys(kit["rounds"][0])}
    for call in calls.values():
        for _ in range(WARM_UP_CALLS):
            call()
    done = 1 + max((sample["round"] for sample in samples["samples"]), default=-1)
    for number, order in list(enumerate(kit["rounds"]))[done : arguments.rounds]:
        for path in order:
            started = time.perf_counter()
            calls[path]()
            taken = (time.perf_counter() - started) * 1e3
            samples["samples"].append({"path": path, "round": number, "latency_ms": taken})
        save(samples)
        print(f"round {number + 1} of {arguments.rounds} done")
    print(f"Bring back {SAMPLES}: pam-edge profile import {SAMPLES.name}")


def parse(kit: dict[str, Any]) -> argparse.Namespace:
    """Read the command line."""
    usual = kit["samples"]["compute_unit"]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unit", choices=UNITS, default=usual, help="to use beside the CPU, as far as it can")
    parser.add_argument("--rounds", type=int, default=12)
    arguments = parser.parse_args()
    if arguments.unit == "neural_engine" and kit["samples"]["precision"] == "fp32":
        parser.error("the Neural Engine computes in half precision only: use --unit gpu or cpu with this fp32 kit")
    return arguments


def core_ml(kit: dict[str, Any], unit: str) -> Runtime:
    """Return Core ML, which takes images or tensors."""
    import coremltools

    asked = {"cpu": "CPU_ONLY", "gpu": "CPU_AND_GPU", "neural_engine": "CPU_AND_NE"}[unit]

    def load(path: str) -> Callable[[], object]:
        model = coremltools.models.MLModel(
            str(KIT / kit["file"]), compute_units=coremltools.ComputeUnit[asked], function_name=function(kit, path)
        )
        arrays = read_inputs(kit, path)
        inputs = arrays if kit["io"] == "tensor" else pictures(arrays)
        return lambda: model.predict(inputs)

    return Runtime(f"coremltools {coremltools.__version__}", asked, load)


def core_ai(kit: dict[str, Any], unit: str) -> Runtime:
    """Return the system's Core AI, which takes tensors."""
    from importlib.metadata import version

    from coreai import runtime
    from coreai.authoring import AIModelAsset
    from coreai.runtime import NDArray, SpecializationOptions

    if not SpecializationOptions.is_supported():
        sys.exit("Expected macOS 27 or later, whose Core AI is measured; coreai-core finds none. Update macOS.")
    options = SpecializationOptions.cpu_only()
    if unit != "cpu":
        preferred = getattr(runtime.ComputeUnitKind, unit)()
        options = SpecializationOptions.from_preferred_compute_unit_kind(preferred)
    loop = asyncio.new_event_loop()
    opened = AIModelAsset.load(KIT / kit["file"]).executable(options)
    model = loop.run_until_complete(opened.__aenter__())
    atexit.register(lambda: loop.run_until_complete(opened.__aexit__(None, None, None)))
    loaded = cache(model.load_function)

    def load(path: str) -> Callable[[], object]:
        called = loaded(function(kit, path))
        inputs: dict[str, Any] = {name: NDArray(array) for name, array in read_inputs(kit, path).items()}
        return lambda: loop.run_until_complete(called(inputs))

    return Runtime(f"coreai-core {version('coreai-core')}", "cpu only" if unit == "cpu" else f"{unit} preferred", load)


def takes_paths(kit: dict[str, Any]) -> bool:
    """Tell whether one graph takes its path as an input; else the file has a function for each path."""
    return any(each["name"] == "path" for each in kit["inputs"])


def function(kit: dict[str, Any], path: str) -> str:
    """Return the function that runs a path."""
    return "probe" if takes_paths(kit) else f"path_{path}"


def read_inputs(kit: dict[str, Any], path: str) -> dict[str, Any]:
    """Return what a path's function takes as float32 arrays."""
    import numpy

    files = {each["name"]: each["name"] for each in kit["inputs"]} | {"path": f"path_{path}"}
    return {
        each["name"]: numpy.fromfile(KIT / "inputs" / f"{files[each['name']]}.bin", "<f4").reshape(each["shape"])
        for each in kit["inputs"]
    }


def pictures(arrays: dict[str, Any]) -> dict[str, Any]:
    """Return image and trimap as images."""
    from PIL import Image

    return {name: Image.fromarray(array.squeeze().astype("uint8")) for name, array in arrays.items()}


def resume(kit: dict[str, Any], unit: str, runtime: Runtime) -> dict[str, Any]:
    """Return the samples so far, or a file without any that says what this Mac is.

    Timings of two Macs, or taken in two ways, are none of either: stop if something else is measured now.
    """
    system = platform.mac_ver()[0]
    now = {
        **kit["samples"],
        "device": printed("sysctl", "-n", "hw.model") or "Mac",
        "soc": printed("sysctl", "-n", "machdep.cpu.brand_string") or "unknown",
        "os": f"macOS {system}",
        "runtime_version": f"{system}, {runtime.version}",
        "compute_unit": unit,
        "delegate": f"requested: {runtime.asked}",
        "threads": 1,
    }
    identity = re.search(r'"IOPlatformUUID" = "(.+?)"', printed("ioreg", "-rd1", "-c", "IOPlatformExpertDevice"))
    here = {"mac": hashlib.sha256(identity[1].encode()).hexdigest()[:12] if identity else None}
    if not SAMPLES.is_file():
        STAYS_HERE.write_text(json.dumps(here))
        return {**now, "date": date.today().isoformat(), "samples": []}
    samples: dict[str, Any] = json.loads(SAMPLES.read_text())
    then = {**samples, **(json.loads(STAYS_HERE.read_text()) if STAYS_HERE.is_file() else {})}
    for key, value in {**now, **here}.items():
        if then.get(key) != value:
            sys.exit(f"{SAMPLES} is of {key} {then.get(key)!r}; this is {value!r}. Move it away, or go on as it began.")
    return samples


def printed(*command: str) -> str:
    """Return what a command of the system prints."""
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def save(samples: dict[str, Any]) -> None:
    """Write the samples so that the file is whole at any moment."""
    draft = SAMPLES.with_suffix(".partial")
    draft.write_text(json.dumps(samples, indent=1))
    draft.replace(SAMPLES)


if __name__ == "__main__":
    main()
