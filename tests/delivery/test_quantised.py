"""Quantised artifacts: every target, precision and mode that is offered verifies, and what is not is refused."""

import json
import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.bundle.package import package
from pam_edge.delivery.convert import convert
from pam_edge.delivery.inspect import inspect
from pam_edge.delivery.parity.verify import verify
from pam_edge.errors import ArtifactError, ParityError, UsageError
from pam_edge.evaluation.pictures import bundled_pictures
from pam_edge.graphs.ends import Interface
from pam_edge.planning.budget import parse_budget
from pam_edge.quantisation.pictures import judged_pictures
from pam_edge.targets import Target
from pam_edge.terms import Mode, Platform, Precision
from tests.conftest import minute_request

QUANTISED = [each for each in Precision if each.is_quantised]
MODES = [Mode.STATIC, Mode.MULTI, Mode.DYNAMIC]


def is_offered(target, precision, mode) -> bool:
    try:
        return target.offered(precision, mode) is precision
    except UsageError:
        return False


EVERY = list(product(Target, QUANTISED, MODES))
OFFERED = [each for each in EVERY if is_offered(*each)]
NOT_OFFERED = [each for each in EVERY if not is_offered(*each)]
BUDGETS = (parse_budget("100%"), parse_budget("80%"))
CHEAP = [
    (Target.TFLITE, Precision.W8, Mode.MULTI),
    (Target.COREML, Precision.INT8, Mode.DYNAMIC),
    (Target.COREAI, Precision.W6, Mode.MULTI),
]


def make(tmp_path, target, precision, mode) -> Artifact:
    request = minute_request(tmp_path, targets=(target,), precision=precision, mode=mode, budgets=BUDGETS)
    return convert(request)[0]


def check(artifact) -> None:
    manifest = artifact.manifest
    assert manifest.verified
    assert {each.path for each in manifest.quantisation.quality} >= {e.path for e in manifest.entry_points if e.path}
    records = verify(artifact.directory)
    assert all(record.passed and record.quality for record in records)
    _, found = inspect(artifact.directory)
    assert not any(each.contradictions for each in found.values())


@pytest.mark.parametrize(("target", "precision", "mode"), CHEAP, ids=str)
def test_a_quantised_artifact_verifies_by_what_its_manifest_says(tmp_path, target, precision, mode):
    check(make(tmp_path, target, precision, mode))


@pytest.mark.slow
@pytest.mark.parametrize(("target", "precision", "mode"), OFFERED, ids=str)
def test_every_precision_of_every_target_in_every_mode_verifies_and_is_repeatable(tmp_path, target, precision, mode):
    artifact = make(tmp_path / "once", target, precision, mode)
    check(artifact)
    again = make(tmp_path / "again", target, precision, mode)
    assert [e.sha256 for e in again.manifest.entry_points] == [e.sha256 for e in artifact.manifest.entry_points]


@pytest.mark.parametrize(("target", "precision", "mode"), NOT_OFFERED, ids=str)
def test_what_is_not_offered_is_refused_with_the_reason(tmp_path, target, precision, mode):
    with pytest.raises(UsageError, match=f"do not come in {precision}: "):
        make(tmp_path, target, precision, mode)
    assert not list(tmp_path.iterdir())


def test_calibration_pictures_are_for_int8_alone_and_have_to_be_there(tmp_path):
    arguments = [
        "convert",
        "--target",
        "executorch",
        "--checkpoint",
        "pam-minute",
        "--size",
        "64",
        "--out",
        str(tmp_path),
    ]
    for more in (
        ["--precision", "fp32", "--calibration", str(tmp_path)],
        ["--precision", "int8", "--calibration", "no"],
    ):
        with pytest.raises(UsageError, match=r"calibration|folder of photographs"):
            CliRunner().invoke(app, [*arguments, *more], catch_exceptions=False)
        assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def int8_artifact(tmp_path_factory) -> Artifact:
    return make(tmp_path_factory.mktemp("int8"), Target.EXECUTORCH, Precision.INT8, Mode.STATIC)


def test_an_int8_artifact_verifies_by_what_its_manifest_says(int8_artifact):
    check(int8_artifact)


@pytest.fixture
def changed(int8_artifact, tmp_path):
    """Return a copy of the artifact whose record of what is quantised is changed by a function of it."""

    def change(edit) -> Path:
        folder = shutil.copytree(int8_artifact.directory, tmp_path / "changed")
        content = json.loads((folder / "manifest.json").read_text())
        edit(content["quantisation"])
        (folder / "manifest.json").write_text(json.dumps(content))
        return folder

    return change


@pytest.mark.parametrize(
    "spoil",
    [
        lambda record: record["float_parts"].update({"nothing": None}),
        lambda record: record["float_parts"].clear(),
        lambda record: record["ranges"].update({"nowhere": [0.0, 1.0]}),
        lambda record: record["ranges"].update({"input": [0.0, 1e9]}),
        lambda record: record["ranges"].update({"input": [1.0, 0.0]}),
        lambda record: record["quality"].clear(),
        lambda record: record["quality"].pop(),
    ],
)
def test_a_record_that_cannot_be_of_the_artifact_is_refused(changed, spoil):
    with pytest.raises(ArtifactError):
        verify(changed(spoil))


def test_other_ranges_than_the_file_was_made_with_fail_faithfulness(changed):
    def narrow(record):
        record["ranges"] = {site: [low / 8, high / 8] for site, (low, high) in record["ranges"].items()}

    assert not any(record.passed for record in verify(changed(narrow)))


def test_an_artifact_that_is_not_good_enough_by_its_own_record_is_not_packaged(changed, tmp_path):
    folder = changed(lambda record: record["quality"][0].update(sad=2 * record["quality"][0]["sad_float"]))
    with pytest.raises(ParityError, match="good enough"):
        package(folder, Platform.ANDROID, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(("images", "alphas"), [(".", "alpha"), ("image", "alpha"), (".", None)], ids=str)
def test_mattes_are_judged_on_what_ships_and_on_photographs_with_alphas(int8_artifact, tmp_path, images, alphas):
    photograph = bundled_pictures()[0]
    for folder, name, pixels in (
        (images, "ü photo.png", photograph.image),
        (alphas or images, "ü photo.png" if alphas else "ü photo.trimap.png", photograph.trimap),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / folder / name)
    own = 1 if alphas else 0
    for folder in {tmp_path, tmp_path / images}:
        records = verify(int8_artifact.directory, images=folder)
        assert all(each.passed for each in records)
        assert {each.pictures for record in records for each in record.quality} == {len(judged_pictures()) + own}


def test_a_file_of_several_sizes_is_judged_at_each(tmp_path):
    interfaces = (Interface(64, 64), Interface(32, 64))
    w8 = {"precision": Precision.W8, "mode": Mode.MULTI, "budgets": BUDGETS[:1]}
    request = minute_request(tmp_path, targets=(Target.TFLITE,), **w8)
    (artifact,) = convert(replace(request, interfaces=interfaces))
    judged = {(each.height, each.width) for record in artifact.manifest.parity for each in record.quality}
    assert judged == {(64, 64), (32, 64)}
