"""Artifacts that take a mask and give a cut-out: whole chain, every target, and what a stranger may hand them."""

import json
import shutil

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.delivery.artifact.ends import ends_of
from pam_edge.delivery.convert import choose_ends, convert
from pam_edge.delivery.parity.device_outputs import verify_device_outputs
from pam_edge.delivery.parity.entry_check import EntryCheck
from pam_edge.delivery.parity.verify import verify
from pam_edge.errors import UsageError
from pam_edge.evaluation.masks import as_graph_sees
from pam_edge.evaluation.parity import Reference
from pam_edge.evaluation.pictures import bundled_pictures, fit
from pam_edge.graphs.ends import Ends
from pam_edge.runtimes.base import LastFrame
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.targets import Target
from pam_edge.terms import Mode, Result, Source
from tests.conftest import inspections, minute_request

HEIGHT, WIDTH, BAND = 64, 96, 4
ENDS = {
    "mask": Ends(Source.MASK, Result.ALPHA, BAND),
    "small mask": Ends(Source.MASK, Result.CUTOUT, BAND, 32, 48),
    "cut-out": Ends(Source.TRIMAP, Result.CUTOUT),
    "both": Ends(Source.MASK, Result.CUTOUT, BAND),
    "live": Ends(Source.MASK_AND_PREVIOUS, Result.CUTOUT, BAND),
}
CASES = [
    (Target.TFLITE, Mode.STATIC, "small mask"),
    (Target.COREML, Mode.DYNAMIC, "both"),
    (Target.EXECUTORCH, Mode.DYNAMIC, "live"),
    pytest.param((Target.EXECUTORCH, Mode.MULTI, "both"), marks=pytest.mark.slow),
    pytest.param((Target.COREML, Mode.STATIC, "live"), marks=pytest.mark.slow),
    pytest.param((Target.TFLITE, Mode.MULTI, "live"), marks=pytest.mark.slow),
]
MODES = (Mode.STATIC, Mode.MULTI, Mode.DYNAMIC)


def make(out, target, mode, ends):
    request = minute_request(
        out, targets=(target,), mode=mode, precision=None, height=HEIGHT, width=WIDTH, ends=ENDS[ends]
    )
    return convert(request)[0]


@pytest.fixture(scope="module", params=CASES, ids=str)
def artifact(request, tmp_path_factory):
    return make(tmp_path_factory.mktemp("ends"), *request.param)


def judge(artifact, monkeypatch, spoil):
    """Judge the first entry point in a runtime whose outputs are spoiled."""
    runtime = type(load_runtime(artifact.manifest.target))
    load = runtime.load

    class Spoiled:
        def __init__(self, model):
            self.model, self.height, self.width, self.ran_on = model, model.height, model.width, model.ran_on

        def __call__(self, *inputs, **last):
            return spoil(self.model(*inputs, **last))

    monkeypatch.setattr(runtime, "load", lambda *arguments, **options: Spoiled(load(*arguments, **options)))
    ends = ends_of(artifact.manifest.entry_points[0].ends)
    pictures = [as_graph_sees(fit(each, HEIGHT, WIDTH), ends) for each in bundled_pictures()[:2]]
    check = EntryCheck(
        artifact, artifact.manifest.entry_points[0], Reference(load_checkpoint("pam-minute").supernet, pictures), 1
    )
    return check.in_runtime(runtime.name)[0]


def test_the_whole_chain_holds(artifact, tmp_path):
    manifest = artifact.manifest
    assert manifest.verified
    assert [each.name for each in manifest.entry_points[0].inputs][:2] == ["image", "mask"]
    assert manifest.entry_points[0].outputs[-1].name == "foreground"
    records = verify(artifact.directory)
    assert all(record.passed and record.foreground_max_abs_error is not None for record in records)
    for inspection in inspections(artifact):
        heavy = ("conv", "pool", "mean", "resize", "upsample", "interpolate")
        assert not [name for name in inspection.outside if any(word in name.lower() for word in heavy)]
        if manifest.mode is not Mode.DYNAMIC and manifest.target is not Target.COREML:
            assert (inspection.partitions, inspection.outside) == (1, {})


def test_inspect_shows_what_goes_in_and_out(artifact):
    result = CliRunner().invoke(app, ["inspect", str(artifact.directory)])
    assert "mask" in result.stdout
    assert "foreground" in result.stdout
    assert f"band reaches {BAND} pixels" in result.stdout


def test_it_mattes_pictures_of_any_size_with_a_mask_or_a_trimap(artifact, tmp_path):
    mask = np.zeros((150, 190), np.uint8)
    mask[40:120, 50:150] = 255
    cv2.imwrite(str(tmp_path / "photo.png"), np.random.default_rng(3).integers(0, 256, (150, 190, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    for given in ("--mask", "--trimap"):
        arguments = [str(tmp_path / "photo.png"), given, str(tmp_path / "mask.png")]
        output = tmp_path / f"cutout{given}.png"
        result = CliRunner().invoke(
            app, ["matte", *arguments, "--model", str(artifact.directory), "-o", str(output), "--json"]
        )
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["height"] == 150


@pytest.mark.parametrize("grey", [0, 255])
def test_a_mask_of_one_kind_gives_just_that(artifact, grey):
    entry = artifact.manifest.entry_points[0]
    ends = entry.ends
    image = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    mask = np.full((ends.mask_height or HEIGHT, ends.mask_width or WIDTH), grey, np.uint8)
    found = artifact.open(entry, threads=1)(image, mask)
    assert (found.alpha == grey / 255).all()
    assert np.isfinite(found.foreground).all()
    if grey:
        assert np.abs(found.foreground - image).max() <= 1


def test_a_mask_of_another_size_is_refused(artifact):
    model = artifact.open(artifact.manifest.entry_points[0], threads=1)
    with pytest.raises(UsageError, match="mask at"):
        model(np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.zeros((HEIGHT, WIDTH + 1), np.uint8))


def test_a_mask_that_is_not_of_bytes_is_refused_as_is_nan_with_it(artifact):
    ends = artifact.manifest.entry_points[0].ends
    model = artifact.open(artifact.manifest.entry_points[0], threads=1)
    mask = np.full((ends.mask_height or HEIGHT, ends.mask_width or WIDTH), np.nan, np.float32)
    with pytest.raises(UsageError, match="uint8"):
        model(np.zeros((HEIGHT, WIDTH, 3), np.uint8), mask)


def test_wrong_colours_alone_fail(artifact, monkeypatch):
    record = judge(artifact, monkeypatch, lambda found: found | {"foreground": found["foreground"][..., ::-1]})
    assert record.passed is False
    assert record.foreground_max_abs_error > record.max_abs_error


def test_colours_that_are_no_numbers_fail(artifact, monkeypatch):
    record = judge(
        artifact, monkeypatch, lambda found: found | {"foreground": np.full_like(found["foreground"], np.nan)}
    )
    assert record.passed is False
    assert "NaN" in record.reason


def test_a_device_is_judged_by_its_colours_too(artifact, tmp_path):
    outputs = shutil.copytree(artifact.directory / "golden", tmp_path / "outputs")
    assert all(record.passed for record in verify_device_outputs(artifact.directory, outputs))
    for file in outputs.glob("*.foreground.f32"):
        (np.fromfile(file, "<f4") * np.float32(0.5)).tofile(file)
    assert not any(record.passed for record in verify_device_outputs(artifact.directory, outputs))
    shown = CliRunner().invoke(app, ["verify", str(artifact.directory), "--device-outputs", str(outputs)]).stdout
    assert "Δα·F" in shown
    for file in outputs.glob("*.foreground.f32"):
        file.unlink()
    for record in verify_device_outputs(artifact.directory, outputs):
        assert record.passed is None
        assert "foreground.f32" in record.reason


def test_a_first_frame_is_one_without_a_last_and_a_second_follows_it(artifact):
    """Whatever a graph that takes no last frame is told of one is refused, and so is what is not a number."""
    manifest, entry = artifact.manifest, artifact.manifest.entry_points[0]
    ends = ends_of(entry.ends)
    picture = as_graph_sees(fit(bundled_pictures()[0], HEIGHT, WIDTH), ends)
    model = artifact.open(entry, threads=1)
    first = model(picture.image, picture.given)
    if not ends.source.is_live:
        with pytest.raises(UsageError, match="no last frame"):
            model(picture.image, picture.given, last=first.as_last)
        return
    second = model(picture.image, picture.given, last=first.as_last)
    assert second.path == first.path
    assert np.isfinite(second.alpha).all()
    for wrong in (first.alpha[1:], first.alpha.astype(np.float64), np.full_like(first.alpha, np.nan)):
        with pytest.raises(UsageError, match="Expected previous as float32"):
            model(picture.image, picture.given, last=LastFrame(wrong, first.as_last.path))
    with pytest.raises(UsageError, match="as_last"):
        model(picture.image, picture.given, last=first.alpha)
    if manifest.mode is Mode.DYNAMIC:
        with pytest.raises(UsageError, match="budget as a number"):
            model(picture.image, picture.given, "80%")
        with pytest.raises(UsageError, match="Expected previous_path as float32"):
            model(picture.image, picture.given, last=LastFrame(first.alpha))


def test_golden_vectors_of_a_live_graph_hold_its_last_frame(artifact):
    live, dynamic = artifact.manifest.entry_points[0].ends.source.is_live, artifact.manifest.mode is Mode.DYNAMIC
    first, second = artifact.manifest.golden
    assert (first.previous, first.previous_path) == (None, None)
    assert (second.previous is not None) == live
    assert (second.previous_path is not None) == (live and dynamic)
    if second.previous:
        assert (artifact.directory / second.previous).stat().st_size == 4 * HEIGHT * WIDTH


@pytest.mark.slow
@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("target", Target, ids=str)
def test_all_ends_in_every_mode_on_every_target(tmp_path, target, mode, ends):
    made = make(tmp_path, target, mode, ends)
    assert made.manifest.verified
    assert all(record.passed for record in verify(made.directory))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((Source.TRIMAP, Result.ALPHA, 4, None, 64, 64), "inputs to mask"),
        ((Source.TRIMAP, Result.ALPHA, None, (32, 32), 64, 64), "inputs to mask"),
        ((Source.MASK, Result.ALPHA, 0, None, 64, 64), "1 to 32 pixels"),
        ((Source.MASK, Result.ALPHA, 2.5, None, 64, 96), "got 2.5"),
        ((Source.MASK, Result.ALPHA, "2", None, 64, 96), "1 to 32 pixels"),
        ((Source.MASK, Result.ALPHA, 33, None, 64, 96), "1 to 32 pixels"),
        ((Source.MASK, Result.ALPHA, None, (65, 64), 64, 64), "to the image's size, 64x64"),
        ((Source.MASK, Result.ALPHA, None, (1, 64), 64, 64), "from 2x2"),
        ((Source.MASK, Result.ALPHA, None, (0, 64), 64, 64), "from 2x2"),
    ],
)
def test_ends_that_make_no_sense_are_refused(arguments, words):
    with pytest.raises(UsageError, match=words):
        choose_ends(*arguments)


def test_ends_have_defaults_that_fit_the_size():
    assert choose_ends(Source.MASK, Result.CUTOUT, None, None, 512, 768) == Ends(Source.MASK, Result.CUTOUT, 10)
    assert choose_ends(Source.TRIMAP, Result.ALPHA, None, None, 64, 64).are_plain
