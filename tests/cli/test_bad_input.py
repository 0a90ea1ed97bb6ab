"""Bad input: one clear paragraph, the right exit code, and nothing written."""

import json
import os
import sys

import cv2
import numpy as np
import pytest

from pam_edge.cli import main
from pam_edge.converters import registry
from pam_edge.supernet.checkpoint import TrainingRecord, save_checkpoint, untrained_checkpoint
from pam_edge.supernet.variants import variant


@pytest.fixture
def pam_edge(capsys, monkeypatch, tmp_path):
    """Return a function that runs the command line in an empty folder and returns exit code, stdout and stderr."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pam-edge", *arguments])
        with pytest.raises(SystemExit) as stop:
            main.run()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, " ".join(captured.err.split())

    return run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "onnx"], ["--target", "coreml, tflite, executorch, coreai, all", "onnx"]),
        (["--target", "tflite", "--profile", "nokia3310"], ["nokia3310", "profile"]),
        (["--target", "tflite", "--precision", "int3"], ["--precision", "fp32, fp16", "int3"]),
        (["--target", "tflite", "--mode", "magic"], ["--mode", "expected one of static, multi, dynamic; got 'magic'"]),
        (["--target", "tflite", "--mode", "probe"], ["mode probe", "profile measure"]),
        (["--target", "tflite", "--size", "500"], ["multiples of 32", "500", "512"]),
        (["--target", "tflite", "--size", "0"], ["multiples of 32"]),
        (["--target", "tflite", "--size", "8224"], ["up to 8192", "8224"]),
        (["--target", "tflite", "--size", "9" * 30], ["up to 8192"]),
        (["--target", "tflite", "--size", f"512x{'9' * 5000}"], ["up to 8192", "width", "beyond a billion"]),
        (["--target", "tflite", "--size", "large"], ["size", "large"]),
        (["--target", "tflite", "--budget", f"33.{'3' * 99}%"], ["80 characters"]),
        (["--target", "tflite", "--budget", "12parsec"], ["12parsec", "unit"]),
        (["--target", "tflite", "--budget", "12ms"], ["device profile", "GMAC"]),
        (["--target", "tflite", "--budget", "0.1GMAC"], ["Feasible here", "GMAC"]),
        (["--target", "tflite", "--budget", "10%"], ["Feasible here"]),
        (["--target", "tflite", "--budget", "80%", "--budget", "80%"], ["entry point", "80%, 80%"]),
        (["--target", "tflite", "--checkpoint", "nowhere.safetensors"], ["nowhere.safetensors", "pam-tiny"]),
        (["--target", "coreml", "--precision", "fp32", "--io", "image"], ["io tensor", "half"]),
        (["--target", "tflite", "--io", "image"], ["LiteRT takes tensors"]),
        (["--target", "executorch", "--precision", "fp16"], ["do not come in fp16", "fp32"]),
    ],
)
def test_convert_refuses_what_it_cannot_do_and_writes_nothing(pam_edge, tmp_path, arguments, words):
    code, out, err = pam_edge("convert", *arguments)
    assert code == 2
    assert out == ""
    for word in words:
        assert word in err
    assert list((tmp_path / "here").iterdir()) == []


def test_a_missing_package_names_the_extra(pam_edge, monkeypatch):
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    code, _, err = pam_edge("convert", "--target", "tflite")
    assert code == 2
    assert "pam-edge[tflite]" in err


def test_a_truncated_checkpoint_is_refused(pam_edge, tmp_path):
    file = tmp_path / "weights.safetensors"
    supernet = untrained_checkpoint(variant("pam-minute")).supernet
    save_checkpoint(file, supernet, TrainingRecord(trained=True, summary="for a test"))
    file.write_bytes(file.read_bytes()[:-1000])
    code, _, err = pam_edge("convert", "--target", "tflite", "--checkpoint", str(file))
    assert code == 2
    assert "not a whole safetensors file" in err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; the next test covers a file in the way")
def test_an_unwritable_folder_is_refused(pam_edge, tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    code, _, err = pam_edge("convert", "--target", "tflite", "--out", str(folder / "out"))
    assert code == 2
    assert "cannot be written" in err or "not a folder that can be written" in err


def test_a_file_in_the_way_of_the_output_folder_is_refused(pam_edge, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, _, err = pam_edge("convert", "--target", "tflite", "--out", str(tmp_path / "file" / "out"))
    assert code == 2
    assert "not a folder" in err


def test_errors_are_json_too(pam_edge):
    code, out, _ = pam_edge("convert", "--target", "tflite", "--size", "500", "--json")
    assert code == 2
    assert "multiples of 32" in json.loads(out)["error"]


def write_picture(folder, size=(40, 60)):
    cv2.imwrite(str(folder / "photo.png"), np.full((*size, 3), 120, np.uint8))
    cv2.imwrite(str(folder / "trimap.png"), np.full(size, 128, np.uint8))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.png", "--trimap", "trimap.png", "-o", "out.png"], ["missing.png"]),
        (["photo.png", "-o", "out.png"], ["trimap or a mask", "neither"]),
        (["photo.png", "--trimap", "trimap.png", "--mask", "trimap.png", "-o", "out.png"], ["both"]),
        (["photo.png", "--trimap", "small.png", "-o", "out.png"], ["small.png", "size"]),
        (["photo.png", "--trimap", "text.png", "-o", "out.png"], ["text.png"]),
        (["photo.png", "--trimap", "missing.png", "-o", "small.png"], ["missing.png"]),
        (["photo.png", "--trimap", "trimap.png", "-o", "out.jpg"], [".png"]),
        (["photo.png", "--trimap", "trimap.png", "-o", "folder.png"], ["-o", "folder.png: it is a folder", "Name a"]),
        (["photo.png", "--trimap", "trimap.png", "-o", "text.png/out.png"], ["-o", "text.png is a file"]),
        (["folder.png", "--trimap", "trimap.png", "-o", "out.png"], ["folder.png", "it is a folder"]),
        (["photo.png", "--trimap", "trimap.png", "-o", "out.png", "--budget", "30ms"], ["device profile", "GMAC, %"]),
        (["photo.png", "--trimap", "trimap.png", "-o", "out.png", "--model", "nothing"], ["nothing"]),
        (["photo.png", "--trimap", "trimap.png", "-o", "out.png", "--mode", "multi"], ["one of dynamic, static; got"]),
        (["photo.png", "--trimap", "trimap.png", "-o", "out.png", "--model", "."], ["manifest.json"]),
    ],
)
def test_matte_refuses_what_it_cannot_use_and_writes_nothing(pam_edge, tmp_path, arguments, words):
    here = tmp_path / "here"
    write_picture(here)
    cv2.imwrite(str(here / "small.png"), np.full((10, 10), 128, np.uint8))
    (here / "text.png").write_text("not a picture")
    (here / "folder.png").mkdir()
    before = sorted(here.iterdir())
    code, _, err = pam_edge("matte", *arguments)
    assert code == 2
    for word in words:
        assert word in err
    assert sorted(here.iterdir()) == before


def test_matte_knows_before_it_opens_a_model_that_a_format_is_too_small(pam_edge, tmp_path):
    write_picture(tmp_path / "here", size=(2, 16_400))
    code, _, err = pam_edge("matte", "photo.png", "--trimap", "trimap.png", "-o", "out.webp", "--model", "nothing")
    assert code == 2
    assert "16,383 pixels a side for .webp" in err


@pytest.mark.parametrize("output", ["photo.png", "trimap.png", "../here/photo.png", "link.png"])
def test_matte_does_not_write_over_what_it_reads(pam_edge, tmp_path, output):
    here = tmp_path / "here"
    write_picture(here)
    (here / "link.png").symlink_to("photo.png")
    before = {file: file.read_bytes() for file in here.iterdir()}
    code, _, err = pam_edge("matte", "photo.png", "--trimap", "trimap.png", "-o", output, "--model", "pam-minute")
    assert code == 2
    assert "beside the inputs" in err
    assert {file: file.read_bytes() for file in here.iterdir()} == before


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_a_folder_without_a_manifest_is_refused(pam_edge, command, tmp_path):
    code, _, err = pam_edge(command, str(tmp_path))
    assert code == 2
    assert "manifest.json" in err


def test_a_damaged_manifest_is_refused(pam_edge, tmp_path):
    (tmp_path / "manifest.json").write_text('{"schema_version": 99}')
    code, _, err = pam_edge("verify", str(tmp_path))
    assert code == 2
    assert "newer pam-edge" in err


@pytest.mark.parametrize("options", [["--name", "MyPC"], ["-o", "Laptop.toml"], ["--name", "mine", "-o", "yours.toml"]])
def test_a_profile_is_not_measured_under_a_name_that_it_cannot_have(pam_edge, tmp_path, options):
    code, _, err = pam_edge("profile", "measure", "--target", "tflite", "--checkpoint", "pam-minute", *options)
    assert code == 2
    assert "name" in err
    assert "Traceback" not in err
    assert list((tmp_path / "here").iterdir()) == []


OUTPUTS = {
    "matte": ["photo.png", "--trimap", "trimap.png", "--model", "pam-minute", "-o"],
    "profile measure": ["--target", "tflite", "--checkpoint", "pam-minute", "--name", "out", "-o"],
    "prior": ["--checkpoint", "pam-minute", "--out"],
    "plan": ["--checkpoint", "pam-minute", "--plot"],
    "evaluate": [".", "--out"],
}
"""Commands that write one file or folder after long work; its name follows the arguments."""


@pytest.mark.parametrize("command", OUTPUTS)
def test_an_output_that_cannot_be_written_is_told_before_any_work(pam_edge, tmp_path, monkeypatch, command):
    def work(*arguments, **options):
        raise AssertionError("work has begun")

    for done_by in (
        "pam_edge.api.plan",  # first: what it imports is not to be a stand-in
        "pam_edge.delivery.open_model.open_model",
        "pam_edge.measuring.measure.side_by_side",
        "pam_edge.learning.launch.measure_prior",
        "pam_edge.learning.launch.evaluate_with",
    ):
        monkeypatch.setattr(done_by, work)
    here = tmp_path / "here"
    write_picture(here)
    (here / "photo_alpha.png").write_bytes((here / "trimap.png").read_bytes())
    monkeypatch.setattr("pam_edge.evaluation.datasets.find_cases", lambda *_: [])
    before = sorted(here.iterdir())
    output = {"profile measure": "photo.png/out.toml"}.get(command, "photo.png/out.png")
    code, _, err = pam_edge(*command.split(), *OUTPUTS[command], output)
    assert code == 2
    for word in (OUTPUTS[command][-1], output, "photo.png is a file, not a folder"):
        assert word in err
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "--plot", "folder.png"], ["--plot", "folder.png: it is a folder", "Name a file in a folder"]),
        (["plan", "--plot", "folder"], ["--plot", "folder: it is a folder"]),
        (["plan", "--plot", "front.jpg"], ["--plot", "front.jpg", "front.jpg.png"]),
        (["profile", "import", "photo.png"], ["samples", "JSON", "photo.png", "no text", "Check the path"]),
        (["profile", "import", "folder"], ["samples", "JSON", "folder", "it is a folder"]),
        (["profile", "import", "none.json"], ["samples", "JSON", "none.json", "no such file"]),
        (["profile", "show", "./folder"], ["profile", "TOML", "it is a folder"]),
        (["plan", "--profile", "./photo.png"], ["profile", "TOML", "no text"]),
        (["train", "--config", "photo.png", "--out", "out"], ["recipe", "TOML", "no text"]),
        (["train", "--config", "folder", "--out", "out"], ["recipe", "TOML", "it is a folder"]),
    ],
)
def test_a_file_of_another_kind_is_told_in_words(pam_edge, tmp_path, arguments, words):
    here = tmp_path / "here"
    write_picture(here)
    for name in ("folder", "folder.png"):
        (here / name).mkdir()
    before = sorted(here.iterdir())
    code, _, err = pam_edge(*arguments)
    assert code == 2
    for word in words:
        assert word in err
    assert "Errno" not in err and "codec" not in err
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--out", "new/prior.json", "--crop", "100"], ["--crop", "multiple of 32", "100"]),
        (["--out", "file/prior.json"], ["--out", "file/prior.json"]),
        (["--out", "."], ["--out", "folder"]),
    ],
)
def test_prior_refuses_what_it_cannot_use_before_it_measures(pam_edge, tmp_path, options, words):
    (tmp_path / "here" / "file").write_text("in the way")
    code, _, err = pam_edge("prior", "--checkpoint", "pam-minute", *options)
    assert code == 2
    for word in words:
        assert word in err
    assert [each.name for each in (tmp_path / "here").iterdir()] == ["file"]


def test_prior_makes_the_folder_of_its_file_when_it_has_measured(pam_edge, tmp_path, monkeypatch):
    from pam_edge.learning import launch
    from pam_edge.learning.prior import Prior

    folder = tmp_path / "here" / "new" / "deep"
    measured = Prior(rows=({"1111": 1.0},), path_errors={"1111": 0.1}, images=1)
    monkeypatch.setattr(launch, "measure_prior", lambda *asked: None if folder.exists() else measured)
    code, _, err = pam_edge("prior", "--checkpoint", "pam-minute", "--out", "new/deep/prior.json")
    assert code == 0, err
    assert Prior.load(folder / "prior.json") == measured


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["package", "none", "--platform", "web", "-o", "out"], ["Expected an artifact folder", "none has none"]),
        (["package", "none", "--platform", "windows", "-o", "out"], ["--platform", "ios, android, web", "windows"]),
        (["package", "none", "--platform", "web", "-o", "."], ["expected a new folder"]),
        (["serve", "none"], ["pam-edge package", "bundle.json"]),
        (["serve", "none", "--uploads", "/dev/null/samples"], ["--uploads", "can be written"]),
    ],
)
def test_package_and_serve_refuse_what_they_cannot_use_and_write_nothing(pam_edge, tmp_path, arguments, words):
    code, out, err = pam_edge(*arguments)
    assert (code, out) == (2, "")
    for word in words:
        assert word in err
    assert list((tmp_path / "here").iterdir()) == []
