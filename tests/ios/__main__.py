"""``python -m tests.ios prepare|check FOLDER``: what Swift reads of Python, and Python of Swift.

``prepare`` converts pam-minute for Core ML and Core AI and writes kits and what Python makes of pictures. The Swift
tests named ``CrossTests`` read all that, and write what a phone would send back: of a stand-in that gives the golden
values, for there is neither of the two here. ``check`` has ``pam-edge`` read it.
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
_LIVE = "--mode dynamic --size 64 --budget 80% --inputs mask+previous --outputs cutout"
BUNDLES = {
    "static": "--target coreml --mode static --size 64 --budget 100% --budget 60%",
    "multi": "--target coreml --mode multi --size 64 --size 32x64 --budget 60%",
    "dynamic": f"--target coreml {_LIVE}",
    "tensor": "--target coreml --mode static --precision fp32 --size 64 --budget 60% --inputs mask --mask-size 32",
    "coreai": "--target coreai --mode multi --size 64 --size 32x64 --budget 60%",
    "coreai-dynamic": f"--target coreai {_LIVE}",
}
KITS = ("coreml", "coreai")
"""By target: of a function for each path, and of a probe."""


def main(what: str, folder: Path) -> None:
    """Do one of the two."""
    {"prepare": prepare, "check": check}[what](folder)


def prepare(folder: Path) -> None:
    """Write ``bundles/``, ``kits/`` and ``pictures.json`` anew."""
    shutil.rmtree(folder, ignore_errors=True)
    of = ["--checkpoint", "pam-minute"]
    for name, options in BUNDLES.items():
        made = run("convert", *of, *options.split(), "--out", str(folder / "converted" / name), "--json")
        (folder / "bundles").mkdir(exist_ok=True)
        Path(json.loads(made)["artifacts"][0]["directory"]).rename(folder / "bundles" / name)
    for target in KITS:
        run("profile", "kit", *of, "--target", target, "--size", "64", "-o", str(folder / "kits" / target))
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
    for target in KITS:
        samples, profile = folder / f"{target}.samples.json", folder / f"{target}.toml"
        fitted = json.loads(run("profile", "import", str(samples), "-o", str(profile), "--json"))
        worst = fitted["held_out_worst_error_pct"]
        assert worst < 0.1, fitted  # costs were made to add up
        print(f"profile import, {target}: {fitted['samples']} samples, held-out error {worst:.2g} %")


def run(*arguments: str, exit_code: int = 0) -> str:
    """Return what ``pam-edge`` prints; stop if it exits otherwise than expected."""
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True)
    said = f"pam-edge {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    assert done.returncode == exit_code, said
    return done.stdout


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
