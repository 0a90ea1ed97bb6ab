"""Time the paths in this folder's package with Core ML on a Mac, and write samples.json for `pam-edge profile import`.

Needs macOS 15 or later, Python, and `pip install coremltools numpy pillow`, nothing else. On an iPhone or iPad an app
does the same: README.md says how. Stop it whenever you like: the next run goes on with the next round.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import re
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

KIT = Path(__file__).resolve().parent
SAMPLES = KIT / "samples.json"
STAYS_HERE = KIT / "mac.json"
"""What must stay the same while samples are taken, and nobody else needs to know: this Mac (a hash)."""
UNITS = {"cpu": "CPU_ONLY", "gpu": "CPU_AND_GPU", "neural_engine": "CPU_AND_NE"}
WARM_UP_CALLS = 3


def main() -> None:
    """Time every path in every round that is left."""
    import coremltools

    kit = json.loads((KIT / "kit.json").read_text())
    arguments = parse(kit)
    samples = resume(kit, arguments, coremltools.__version__)
    units = coremltools.ComputeUnit[UNITS[arguments.unit]]
    inputs = read_inputs(kit)
    models = {}
    for path in dict.fromkeys(kit["rounds"][0]):
        file = str(KIT / kit["file"])
        models[path] = coremltools.models.MLModel(file, compute_units=units, function_name=f"path_{path}")
        for _ in range(WARM_UP_CALLS):
            models[path].predict(inputs)
    done = 1 + max((sample["round"] for sample in samples["samples"]), default=-1)
    for number, order in list(enumerate(kit["rounds"]))[done : arguments.rounds]:
        for path in order:
            started = time.perf_counter()
            models[path].predict(inputs)
            taken = (time.perf_counter() - started) * 1e3
            samples["samples"].append({"path": path, "round": number, "latency_ms": taken})
        save(samples)
        print(f"round {number + 1} of {arguments.rounds} done")
    print(f"Bring back {SAMPLES}: pam-edge profile import {SAMPLES.name}")


def parse(kit: dict[str, Any]) -> argparse.Namespace:
    """Read the command line."""
    usual = kit["samples"]["compute_unit"]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unit", choices=UNITS, default=usual, help="that Core ML may use beside the CPU")
    parser.add_argument("--rounds", type=int, default=12)
    arguments = parser.parse_args()
    if arguments.unit == "neural_engine" and kit["samples"]["precision"] == "fp32":
        parser.error("the Neural Engine computes in half precision only: use --unit gpu or cpu with this fp32 kit")
    return arguments


def read_inputs(kit: dict[str, Any]) -> dict[str, Any]:
    """Return image and trimap as the package takes them: pictures, or float32 arrays."""
    import numpy
    from PIL import Image

    files = {each["name"]: KIT / "inputs" / f"{each['name']}.bin" for each in kit["inputs"]}
    arrays = {each["name"]: numpy.fromfile(files[each["name"]], "<f4").reshape(each["shape"]) for each in kit["inputs"]}
    if kit["io"] == "tensor":
        return arrays
    return {name: Image.fromarray(array.squeeze().astype(numpy.uint8)) for name, array in arrays.items()}


def resume(kit: dict[str, Any], arguments: argparse.Namespace, version: str) -> dict[str, Any]:
    """Return the samples so far, or a file without any that says what this Mac is.

    Timings of two Macs, or taken in two ways, are none of either: stop if something else is measured now.
    """
    system = platform.mac_ver()[0]
    now = {
        **kit["samples"],
        "device": printed("sysctl", "-n", "hw.model") or "Mac",
        "soc": printed("sysctl", "-n", "machdep.cpu.brand_string") or "unknown",
        "os": f"macOS {system}",
        "runtime_version": f"{system}, coremltools {version}",
        "compute_unit": arguments.unit,
        "delegate": f"requested: {UNITS[arguments.unit]}",
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
