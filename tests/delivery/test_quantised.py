"""Quantised artifacts: every target, precision and mode that is offered verifies, and what is not is refused."""

import json
from itertools import product

import pytest
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.convert import convert
from pam_edge.delivery.inspect import inspect
from pam_edge.delivery.parity.verify import verify
from pam_edge.errors import ArtifactError, UsageError
from pam_edge.planning.budget import parse_budget
from pam_edge.targets import Target
from pam_edge.terms import Mode, Precision
from tests.conftest import minute_request

QUANTISED = [each for each in Precision if each.is_quantised]
OFFERED = [(t, p) for t, p in product(Target, QUANTISED) if p in t.facts.precisions]
NOT_OFFERED = [(t, p) for t, p in product(Target, QUANTISED) if p not in t.facts.precisions]
MODES = [Mode.STATIC, Mode.MULTI, Mode.DYNAMIC]
BUDGETS = (parse_budget("100%"), parse_budget("80%"))
CHEAP = [
    (Target.EXECUTORCH, Precision.INT8, Mode.STATIC),
    (Target.TFLITE, Precision.W8, Mode.MULTI),
    (Target.COREML, Precision.INT8, Mode.DYNAMIC),
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
@pytest.mark.parametrize(("target", "precision"), OFFERED, ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_every_precision_of_every_target_in_every_mode_verifies_and_is_repeatable(tmp_path, target, precision, mode):
    artifact = make(tmp_path / "once", target, precision, mode)
    check(artifact)
    again = make(tmp_path / "again", target, precision, mode)
    assert [e.sha256 for e in again.manifest.entry_points] == [e.sha256 for e in artifact.manifest.entry_points]


@pytest.mark.parametrize(("target", "precision"), NOT_OFFERED, ids=str)
def test_what_is_not_offered_is_refused_with_the_reason(tmp_path, target, precision):
    with pytest.raises(UsageError, match=f"do not come in {precision}: "):
        make(tmp_path, target, precision, Mode.STATIC)
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


@pytest.mark.parametrize(
    "spoil",
    [
        lambda record: record["float_parts"].update({"nothing": None}),
        lambda record: record["ranges"].update({"nowhere": [0.0, 1.0]}),
        lambda record: record["ranges"].update({"input": [0.0, 1e9]}),
    ],
)
def test_a_manifest_that_says_what_the_network_does_not_have_is_refused(tmp_path, spoil):
    artifact = make(tmp_path, Target.EXECUTORCH, Precision.INT8, Mode.STATIC)
    file = artifact.directory / "manifest.json"
    content = json.loads(file.read_text())
    spoil(content["quantisation"])
    file.write_text(json.dumps(content))
    with pytest.raises(ArtifactError):
        verify(artifact.directory)


def test_other_ranges_than_the_file_was_made_with_fail_faithfulness(tmp_path):
    artifact = make(tmp_path, Target.EXECUTORCH, Precision.INT8, Mode.STATIC)
    file = artifact.directory / "manifest.json"
    content = json.loads(file.read_text())
    ranges = content["quantisation"]["ranges"]
    content["quantisation"]["ranges"] = {site: [low / 8, high / 8] for site, (low, high) in ranges.items()}
    file.write_text(json.dumps(content))
    assert not any(record.passed for record in verify(artifact.directory))
