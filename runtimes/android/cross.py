"""Let Python judge what the Kotlin library writes: device outputs and samples of a real artifact and a real kit.

Run by ``check.sh`` with the class path of the tests. The engine in between is a fake that gives golden values
(``Cross.kt``): what is proved is the way there and back, not any device's arithmetic.
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAM_EDGE = HERE.parents[1] / ".venv/bin/pam-edge"
WORK = HERE / "build/cross"
ARTIFACT, KIT = WORK / "pam-minute_macs_tflite_dynamic_mask_cutout", WORK / "kit"
SMALL = ("--target", "tflite", "--checkpoint", "pam-minute", "--size", "64")


def pam_edge(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line and return what it said."""
    return subprocess.run([str(PAM_EDGE), *map(str, arguments)], capture_output=True, text=True)


def made(folder: Path, *command: object) -> None:
    """Make a folder by a command unless it was made before; ``make clean`` has it made again."""
    if not folder.exists():
        done = pam_edge(*command)
        expect(done.returncode == 0, f"{command[0]} makes {folder.name}", done)


def expect(is_so: bool, what: str, done: subprocess.CompletedProcess[str]) -> None:
    """Say what was found, or stop with what the command said."""
    if not is_so:
        sys.exit(f"cross: NOT SO: {what}\n{done.stdout}{done.stderr}")
    print(f"cross: {what}")


def main() -> None:
    """Make an artifact and a kit, have Kotlin write files for them, and judge these."""
    ends = ("--mode", "dynamic", "--inputs", "mask", "--outputs", "cutout", "--budget", "mild", "--budget", "80%")
    made(ARTIFACT, "convert", *SMALL, *ends, "--out", WORK)
    made(KIT, "profile", "kit", *SMALL, "-o", KIT)
    out = WORK / "brought-back"
    java = ["java", "-cp", sys.argv[1], "pamedge.CrossKt", ARTIFACT, KIT, out]
    done = subprocess.run([*map(str, java)], capture_output=True, text=True, cwd=HERE)
    expect(done.returncode == 0, "Kotlin tests the artifact and writes device outputs and samples", done)

    done = pam_edge("verify", ARTIFACT, "--device-outputs", out / "right", "--json")
    checks = json.loads(done.stdout or "{}").get("checks", [])
    exact = [
        each for each in checks if each["max_abs_error"] == 0 and each["path_mismatches"] == 0 and each["images"] == 2
    ]
    expect(done.returncode == 0 and len(exact) == 2, "verify passes both entry points, 2 pictures each, error 0", done)
    done = pam_edge("verify", ARTIFACT, "--device-outputs", out / "wrong", "--json")
    expect(done.returncode == 1, "verify fails outputs with one pixel 0.01 off", done)

    (out / "fake.toml").unlink(missing_ok=True)
    done = pam_edge("profile", "import", out / "samples.json", "--name", "fake", "-o", out / "fake.toml", "--json")
    found = json.loads(done.stdout or "{}")
    expect(done.returncode == 0, f"profile import takes {found.get('samples')} samples", done)
    error = found["held_out_median_error_pct"]
    expect(error < 0.1, f"the fit of the fake's additive times is off by {error:.2g} % (held out, median)", done)


if __name__ == "__main__":
    main()
