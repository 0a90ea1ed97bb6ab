"""Time the probe in this folder on an Android phone, and write samples.json for `pam-edge profile import`.

Needs Python 3.9 or later and adb with one phone connected (or --serial), nothing else. Stop it whenever you like: the
next run goes on with the next round.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shlex
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

KIT = Path(__file__).resolve().parent
PHONE = "/data/local/tmp/pam-edge"
SAMPLES = KIT / "samples.json"
STAYS_HERE = KIT / "phone.json"
"""What must stay the same while samples are taken, and nobody else needs to know: serial number (a hash), cores."""


def main() -> None:
    """Time every path in every round that is left."""
    arguments = parse()
    kit = json.loads((KIT / "kit.json").read_text())
    if arguments.dry_run:
        for path in dict.fromkeys(kit["rounds"][0]):
            print(shlex.join(["adb", "shell", *command(kit, path, arguments)]))
        return
    samples = resume(kit, arguments)
    push(kit, arguments)
    done = 1 + max((sample["round"] for sample in samples["samples"]), default=-1)
    for number, order in list(enumerate(kit["rounds"]))[done : arguments.rounds]:
        taken = []
        for path in order:
            times = time_path(kit, path, arguments)
            taken += [{"path": path, "round": number, "latency_ms": ms} for ms in times]
        samples["samples"] += taken
        save(samples)
        print(f"round {number + 1} of {arguments.rounds} done")
    print(f"Bring back {SAMPLES}: pam-edge profile import {SAMPLES.name}")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runner", type=Path, required=True, help="benchmark_model or executor_runner, for the phone")
    parser.add_argument("--runtime-version", required=True, help="of the runner, such as its release or commit")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--serial", help="of the phone, where several are connected")
    parser.add_argument("--taskset", help="affinity mask of the cores to use, such as f0")
    parser.add_argument("--dry-run", action="store_true", help="print the phone's commands of one round")
    return parser.parse_args()


def adb(arguments: argparse.Namespace, *command: str) -> str:
    """Return what a command of adb printed; stop if it failed."""
    serial = ["-s", arguments.serial] if arguments.serial else []
    done = subprocess.run(["adb", *serial, *command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"adb {shlex.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def push(kit: dict[str, Any], arguments: argparse.Namespace) -> None:
    """Put runner, probe and inputs on the phone."""
    adb(arguments, "shell", f"mkdir -p {PHONE}")
    adb(arguments, "push", str(arguments.runner), f"{PHONE}/runner")
    adb(arguments, "shell", f"chmod +x {PHONE}/runner")
    adb(arguments, "push", str(KIT / kit["file"]), f"{PHONE}/{kit['file']}")
    adb(arguments, "push", str(KIT / "inputs"), PHONE)


def command(kit: dict[str, Any], path: str, arguments: argparse.Namespace) -> list[str]:
    """Return the phone's command that times one path."""
    files = {"image": "image.bin", "trimap": "trimap.bin", "path": f"path_{path}.bin"}
    inputs = [(item["name"], f"{PHONE}/inputs/{files[item['name']]}", item["shape"]) for item in kit["inputs"]]
    affinity = ["taskset", arguments.taskset] if arguments.taskset else []
    if kit["samples"]["target"] == "tflite":
        return [
            *affinity,
            f"{PHONE}/runner",
            f"--graph={PHONE}/{kit['file']}",
            f"--num_threads={arguments.threads}",
            "--use_xnnpack=true",
            "--warmup_runs=1",
            "--warmup_min_secs=0",
            f"--num_runs={kit['calls']}",
            "--min_secs=0",
            "--input_layer=" + ",".join(name for name, _, _ in inputs),
            "--input_layer_shape=" + ":".join(",".join(map(str, shape)) for _, _, shape in inputs),
            "--input_layer_value_files=" + ",".join(f"{name}:{file}" for name, file, _ in inputs),
        ]
    return [
        *affinity,
        f"{PHONE}/runner",
        f"--model_path={PHONE}/{kit['file']}",
        f"--num_executions={kit['calls'] + 1}",
        f"--cpu_threads={arguments.threads}",
        "--print_output=none",
        "--inputs=" + ",".join(file for _, file, _ in inputs),
    ]


def time_path(kit: dict[str, Any], path: str, arguments: argparse.Namespace) -> list[float]:
    """Return milliseconds of the calls: each one's where the runner tells, else their mean; warm-up left out."""
    said = adb(arguments, "shell", shlex.join(command(kit, path, arguments)))
    each = [float(ms) for ms in re.findall(r"Iteration \d+ of \d+: ([\d.]+) ms", said)]
    if each:
        return each[1:]
    mean = re.search(r"Inference \(avg\): ([\d.e+]+)", said)
    if mean:
        return [float(mean[1]) / 1e3]
    total = re.search(r"executed successfully (\d+) time\(s\) in ([\d.]+) ms", said)
    if total:
        return [float(total[2]) / int(total[1])]
    sys.exit(f"The runner printed no time for path {path}. It said:\n{said}")


def resume(kit: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the samples so far, or a file without any that says what the phone is.

    Timings of two phones, or taken in two ways, are none of either: stop if something else is measured now.
    """
    now = {
        **kit["samples"],
        **describe_phone(arguments),
        "threads": arguments.threads,
        "runtime_version": arguments.runtime_version,
    }
    serial = adb(arguments, "shell", "getprop ro.serialno").strip()
    here = {"phone": hashlib.sha256(serial.encode()).hexdigest()[:12], "taskset": arguments.taskset}
    if not SAMPLES.is_file():
        STAYS_HERE.write_text(json.dumps(here))
        return {**now, "date": date.today().isoformat(), "samples": []}
    samples: dict[str, Any] = json.loads(SAMPLES.read_text())
    then = {**samples, **(json.loads(STAYS_HERE.read_text()) if STAYS_HERE.is_file() else {})}
    for key, value in {**now, **here}.items():
        if then.get(key) != value:
            sys.exit(f"{SAMPLES} is of {key} {then.get(key)!r}; this is {value!r}. Move it away, or go on as it began.")
    return samples


def describe_phone(arguments: argparse.Namespace) -> dict[str, str]:
    """Return what the phone says it is."""

    def prop(name: str) -> str:
        return adb(arguments, "shell", f"getprop {name}").strip()

    return {
        "device": f"{prop('ro.product.manufacturer')} {prop('ro.product.model')}",
        "soc": prop("ro.soc.model") or prop("ro.board.platform") or "unknown",
        "os": f"Android {prop('ro.build.version.release')}",
    }


def save(samples: dict[str, Any]) -> None:
    """Write the samples so that the file is whole at any moment."""
    draft = SAMPLES.with_suffix(".partial")
    draft.write_text(json.dumps(samples, indent=1))
    draft.replace(SAMPLES)


if __name__ == "__main__":
    main()
