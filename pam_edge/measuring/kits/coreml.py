"""Time the paths in this folder's package with Core ML on a Mac, and write samples.json for `pam-edge profile import`.

Needs macOS 15 or later, Python, and `pip install coremltools numpy pillow`, nothing else. On an iPhone or iPad an app
does the same: README.md says how. Stop it whenever you like: the next run goes on with the next round.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

KIT = Path(__file__).resolve().parent
SAMPLES = KIT / "samples.json"
UNITS = {"cpu": "CPU_ONLY", "gpu": "CPU_AND_GPU", "neural_engine": "CPU_AND_NE"}
WARM_UP_CALLS = 3


def main() -> None:
    """Time every path in every round that is left."""
    import coremltools
    import numpy
    from PIL import Image

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unit", choices=UNITS, default="neural_engine", help="that Core ML may use beside the CPU")
    parser.add_argument("--rounds", type=int, default=12)
    arguments = parser.parse_args()
    kit = json.loads((KIT / "kit.json").read_text())
    samples = resume(kit, arguments, coremltools.__version__)
    units = coremltools.ComputeUnit[UNITS[arguments.unit]]
    height, width = kit["samples"]["height"], kit["samples"]["width"]
    image = numpy.fromfile(KIT / "inputs" / "image.bin", numpy.float32).reshape(height, width, 3).astype(numpy.uint8)
    trimap = numpy.fromfile(KIT / "inputs" / "trimap.bin", numpy.float32).reshape(height, width).astype(numpy.uint8)
    inputs = {"image": Image.fromarray(image), "trimap": Image.fromarray(trimap)}
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


def resume(kit: dict[str, Any], arguments: argparse.Namespace, version: str) -> dict[str, Any]:
    """Return the samples so far, or a file without any that says what this Mac is."""
    if SAMPLES.is_file():
        samples: dict[str, Any] = json.loads(SAMPLES.read_text())
        if samples["compute_unit"] != arguments.unit:
            sys.exit(f"{SAMPLES} is of {samples['compute_unit']}. Move it away, or ask for the same --unit.")
        return samples
    soc = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True).stdout.strip()
    model = subprocess.run(["sysctl", "-n", "hw.model"], capture_output=True, text=True).stdout.strip()
    system = platform.mac_ver()[0]
    found = {
        "device": model or "Mac",
        "soc": soc or "unknown",
        "os": f"macOS {system}",
        "runtime_version": f"{system}, coremltools {version}",
        "compute_unit": arguments.unit,
        "delegate": f"requested: {UNITS[arguments.unit]}",
        "threads": 1,
        "date": date.today().isoformat(),
    }
    return {**kit["samples"], **found, "samples": []}


def save(samples: dict[str, Any]) -> None:
    """Write the samples so that the file is whole at any moment."""
    draft = SAMPLES.with_suffix(".partial")
    draft.write_text(json.dumps(samples, indent=1))
    draft.replace(SAMPLES)


if __name__ == "__main__":
    main()
