"""Commands as a new user would run them."""

import io
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms
from rich.console import Console
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.cli.output import tile_progress
from pam_edge.evaluation.pictures import bundled_pictures
from pam_edge.targets import Target

runner = CliRunner()


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['pam-edge', '--help']\n"
        "from pam_edge.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'cv2', 'coremltools', 'executorch', 'litert_torch', 'matplotlib', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for command in ("convert", "verify", "matte", "profile", "plan", "inspect", "doctor", "demo", "train", "evaluate"):
        assert command in done.stdout


def test_matte_cuts_a_photograph_out_with_an_artifact(static_artifacts, tmp_path):
    picture = bundled_pictures()[0]
    cv2.imwrite(str(tmp_path / "photo.jpg"), picture.image[..., ::-1])
    cv2.imwrite(str(tmp_path / "trimap.png"), picture.trimap)
    files = {"model": static_artifacts[Target.TFLITE].directory, "trimap": tmp_path / "trimap.png"}
    options = [f"--{name}={value}" for name, value in files.items()]
    out = tmp_path / "out.png"
    result = runner.invoke(
        app, ["matte", str(tmp_path / "photo.jpg"), *options, "--budget", "60%", "-o", str(out), "--json"]
    )
    assert result.exit_code == 0, result.output
    assert "UNTRAINED" in json.loads(result.stdout)["model"]
    cutout = cv2.imread(str(out), cv2.IMREAD_UNCHANGED)
    assert cutout.shape == (*picture.trimap.shape, 4)
    assert (cutout[picture.trimap == 255, 3] == 255).all()
    assert (cutout[picture.trimap == 0, 3] == 0).all()


def test_matte_takes_a_mask_and_a_checkpoint(tmp_path):
    picture = bundled_pictures()[0]
    cv2.imwrite(str(tmp_path / "photo.png"), picture.image[..., ::-1])
    cv2.imwrite(str(tmp_path / "mask.png"), np.where(picture.trimap > 0, 255, 0).astype(np.uint8))
    out = tmp_path / "out.png"
    arguments = ["matte", str(tmp_path / "photo.png"), "--mask", str(tmp_path / "mask.png"), "-o", str(out)]
    result = runner.invoke(app, [*arguments, "--model", "pam-minute", "--budget", "80%"])
    assert result.exit_code == 0, result.output
    assert cv2.imread(str(out), cv2.IMREAD_UNCHANGED).shape[2] == 4


def disc(tmp_path):
    """Write a photograph of a disc and two trimaps; return arguments of ``matte``."""
    y, x = np.mgrid[:64, :96]
    distance = np.hypot(y - 32, x - 48)
    cv2.imwrite(str(tmp_path / "photo.png"), np.dstack([(distance < 20).astype(np.uint8) * 200] * 3))
    cv2.imwrite(str(tmp_path / "trimap.png"), np.where(distance < 15, 255, np.where(distance > 25, 0, 128)))
    cv2.imwrite(str(tmp_path / "hard.png"), np.where(distance < 20, 255, 0))
    return [str(tmp_path / "photo.png"), "--model", "pam-minute", "-o", str(tmp_path / "out.png")]


@pytest.mark.parametrize(("trimap", "missing"), [("trimap", None), ("hard", "no unknown region")])
def test_matte_says_what_a_trimap_lacks(tmp_path, trimap, missing):
    arguments = ["matte", *disc(tmp_path), "--trimap", str(tmp_path / f"{trimap}.png"), "--json"]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    notice = json.loads(result.stdout)["notice"]
    assert notice is None if missing is None else missing in notice


def shown(terminal: bool, quiet: bool) -> str:
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pam_edge.cli.output.notices", Console(file=stream, force_terminal=terminal, width=80))
        with tile_progress("Matting", quiet=quiet) as progress:
            progress(1, 2)
            progress(2, 2)
    return stream.getvalue()


def test_progress_is_shown_on_terminals_alone_and_not_beside_json():
    assert "Matting" in shown(terminal=True, quiet=False)
    assert shown(terminal=True, quiet=True) == ""
    assert shown(terminal=False, quiet=False) == ""


def test_matte_writes_the_photos_profile(tmp_path):
    arguments = disc(tmp_path)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(tmp_path / "photo.png") as photo:
        photo.save(tmp_path / "photo.png", icc_profile=profile)
    result = runner.invoke(app, ["matte", *arguments, "--trimap", str(tmp_path / "trimap.png")])
    assert result.exit_code == 0, result.output
    assert Image.open(tmp_path / "out.png").info["icc_profile"] == profile


def test_inspect_prints_partitions_and_operators(static_artifacts):
    result = runner.invoke(app, ["inspect", str(static_artifacts[Target.TFLITE].directory)])
    assert result.exit_code == 0
    assert "outside the delegate: nothing" in result.stdout
    assert "CONV_2D" in result.stdout


def test_doctor_says_what_works(monkeypatch):
    result = runner.invoke(app, ["doctor", "--json"])
    assert result.exit_code == 0
    works = {name: found["works"] for name, found in json.loads(result.stdout)["targets"].items()}
    assert works == dict.fromkeys(Target, True)


@pytest.mark.slow  # a folder that passes beside one that is damaged stands with the manifests
def test_pytest_plugin_tests_every_entry_point(static_artifacts, tmp_path):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    folder = static_artifacts[Target.TFLITE].directory
    done = subprocess.run([*command, "--pam-artifacts", str(folder)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    nothing = subprocess.run([*command, "--pam-artifacts", str(tmp_path)], cwd=tmp_path, capture_output=True, text=True)
    assert nothing.returncode != 0
    assert "no manifest.json" in nothing.stdout + nothing.stderr
