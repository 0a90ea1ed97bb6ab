"""``python -m tests.ios prepare|check FOLDER``: what Swift reads of Python, and Python of Swift.

``prepare`` converts pam-minute for Core ML and writes a kit and what Python makes of pictures. The Swift tests named
``CrossTests`` read all that, and write what a phone would send back: of a stand-in that gives the golden values, for
there is no Core ML here. ``check`` has ``pam-edge`` read it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from pam_edge.matting.cutout import with_alpha
from pam_edge.matting.trimaps import mask_from_trimap, trimap_from_mask
from tests.contract.coding import encode
from tests.contract.pictures import blobs, picture

COMMAND = Path(sys.executable).with_name("pam-edge")
BUNDLES = {
    "static": "--mode static --size 64 --budget 100% --budget 60%",
    "multi": "--mode multi --size 64 --size 32x64 --budget 60%",
    "dynamic": "--mode dynamic --size 64 --budget 80% --inputs mask+previous --outputs cutout",
    "tensor": "--mode static --precision fp32 --size 64 --budget 60% --inputs mask --mask-size 32",
}


def main(what: str, folder: Path) -> None:
    """Do one of the two."""
    {"prepare": prepare, "check": check}[what](folder)


def prepare(folder: Path) -> None:
    """Write ``bundles/``, ``kit/`` and ``pictures.json`` anew."""
    shutil.rmtree(folder, ignore_errors=True)
    of = ["--target", "coreml", "--checkpoint", "pam-minute"]
    for name, options in BUNDLES.items():
        made = run("convert", *of, *options.split(), "--out", str(folder / "converted" / name), "--json")
        (folder / "bundles").mkdir(exist_ok=True)
        Path(json.loads(made)["artifacts"][0]["directory"]).rename(folder / "bundles" / name)
    run("profile", "kit", *of, "--size", "64", "-o", str(folder / "kit"))
    (folder / "pictures.json").write_text(json.dumps([compute(*size) for size in ((150, 210), (64, 96), (1, 1))]))


def compute(height: int, width: int) -> dict[str, object]:
    """Return what Python makes of a picture, its alpha and a trimap."""
    image, mask = picture(height, width, 1), blobs(height, width, 2, soft=True)
    alpha = (mask / np.float32(255)).astype(np.float32)
    trimap = trimap_from_mask(mask, 6)
    return {
        "image": encode(image),
        "alpha": encode(alpha),
        "cutout": encode(with_alpha(image, alpha)),
        "trimap": encode(trimap),
        "mask": encode(mask_from_trimap(trimap, 6, 32, 48)),
    }


def check(folder: Path) -> None:
    """Stop with an error unless pam-edge reads what Swift wrote, and refuses what was changed since."""
    for name in BUNDLES:
        bundle, outputs = str(folder / "bundles" / name), folder / "outputs" / name
        judged = json.loads(run("verify", bundle, "--device-outputs", str(outputs), "--json"))
        expected = len(json.loads((folder / "bundles" / name / "manifest.json").read_text())["entry_points"])
        records = [each for each in judged["checks"] if each["runtime"] == "device"]
        assert judged["passed"] and len(records) == expected, judged
        assert all(each["max_abs_error"] == 0 and each["images"] for each in records), records
        file = sorted(outputs.glob("*.alpha.f32"))[0]
        file.write_bytes(bytes(len(file.read_bytes())))
        run("verify", bundle, "--device-outputs", str(outputs), exit_code=1)
        print(f"{name}: verify --device-outputs passed {expected} entry points, and failed once one was changed")
    fitted = json.loads(
        run("profile", "import", str(folder / "samples.json"), "-o", str(folder / "a-phone.toml"), "--json")
    )
    assert fitted["held_out_worst_error_pct"] < 0.1, fitted  # costs were made to add up
    print(f"profile import: {fitted['samples']} samples, held-out error {fitted['held_out_worst_error_pct']:.2g} %")


def run(*arguments: str, exit_code: int = 0) -> str:
    """Return what ``pam-edge`` prints; stop if it exits otherwise than expected."""
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True)
    said = f"pam-edge {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    assert done.returncode == exit_code, said
    return done.stdout


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
