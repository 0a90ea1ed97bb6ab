"""Outputs that are not numbers fail, are named, and never reach JSON; what was not compared has not passed."""

import json
import math
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.cli.output import print_json
from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.manifest import ParityRecord
from pam_edge.delivery.parity.entry_check import EntryCheck, compare_runtimes
from pam_edge.delivery.parity.figures import Judged, figures, worst
from pam_edge.delivery.parity.verify import describe_failure
from pam_edge.evaluation.parity import Colours, Deviation, Reference
from pam_edge.evaluation.pictures import bundled_pictures, fit
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.targets import Target

NO_NUMBERS = pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
runner = CliRunner()

numbers = st.floats(min_value=0)  # infinity and NaN among them
judgements = st.lists(
    st.builds(
        Judged,
        picture=st.sampled_from(("cat", "dog", "noise")),
        budget=st.none(),
        deviation=st.builds(
            Deviation, max_abs=numbers | st.just(math.nan), rms=numbers | st.just(math.nan), sad_change=numbers
        ),
        passed=st.just(False),
    ),
    min_size=1,
)
RECORD = ParityRecord(
    entry_point="mild", passed=False, runtime="r", ran_on="r", proves="p", images=1, path_mismatches=0
)


def strict(text):
    """Parse JSON as other languages do: without NaN."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@given(judgements)
def test_figures_are_numbers_or_are_missing_with_a_reason(judged):
    fields = figures(judged)
    record = ParityRecord.model_validate(RECORD.model_dump() | fields)
    strict(record.model_dump_json())
    broken = {each.picture for each in judged if not each.is_number}
    assert (record.max_abs_error is None) == bool(broken) == (record.reason is not None)
    if broken:
        assert record.worst_picture in broken
    else:
        assert record.max_abs_error == worst(judged).deviation.max_abs


@given(judgements)
def test_order_does_not_change_what_is_said(judged):
    said = [figures(each) for each in (judged, judged[::-1])]
    assert said[0].keys() == said[1].keys()
    assert said[0].get("max_abs_error") == said[1].get("max_abs_error")


def test_what_failed_by_its_path_is_looked_into_before_what_passed_with_more_error():
    far, near = (Deviation(error, error, error) for error in (1e-5, 1e-6))
    assert worst([Judged("far", None, far, True), Judged("near", None, near, False)]).picture == "near"


@pytest.fixture
def device(static_artifacts, tmp_path):
    """Return an artifact's folder, and outputs of a device that computes as the supernet does."""
    directory = static_artifacts[Target.TFLITE].directory
    return directory, shutil.copytree(directory / "golden", tmp_path / "outputs")


def judge(directory, outputs):
    result = runner.invoke(app, ["verify", str(directory), "--device-outputs", str(outputs), "--json"])
    assert isinstance(result.exception, SystemExit | None)
    return strict(result.stdout)


def spoil(file, value, pixels=None):
    values = np.fromfile(file, "<f4")
    values[:pixels] = value
    values.tofile(file)


@NO_NUMBERS
def test_a_device_whose_outputs_are_no_numbers_has_failed_in_whole_json(device, value):
    directory, outputs = device
    for file in outputs.glob("*.alpha.f32"):
        spoil(file, value)
    found = judge(directory, outputs)
    assert found["passed"] is False
    for check in found["checks"]:
        assert (check["passed"], check["max_abs_error"], check["rms_error_unknown"]) == (False, None, None)
        assert "NaN or infinity on 2 pictures" in check["reason"]


@NO_NUMBERS
@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("pixels", [1, None], ids=["one pixel", "all"])
def test_the_picture_that_is_no_number_is_the_worst(device, value, index, pixels):
    directory, outputs = device
    artifact = Artifact.read(directory)
    entry = artifact.manifest.entry_points[1]
    vector = artifact.golden(entry)[index]
    spoil(outputs / vector.alpha_file, value, pixels)
    spoil(outputs / artifact.golden(entry)[1 - index].alpha_file, 0.9, 3)
    good, bad = judge(directory, outputs)["checks"]
    assert good["passed"] is True
    assert (bad["passed"], bad["worst_picture"], bad["max_abs_error"]) == (False, vector.picture, None)
    assert vector.picture in bad["reason"]


@pytest.fixture
def undecided(dynamic_artifacts, tmp_path):
    """Return a folder whose gates are all undecided, and outputs of a device that took the other path everywhere."""
    directory = shutil.copytree(dynamic_artifacts[Target.EXECUTORCH].directory, tmp_path / "artifact")
    outputs = shutil.copytree(directory / "golden", tmp_path / "outputs")
    manifest = json.loads((directory / "manifest.json").read_text())
    for golden in manifest["golden"]:
        for path in golden["paths"].values():
            path["margins"] = [1e-9] * len(path["margins"])
    (directory / "manifest.json").write_text(json.dumps(manifest))
    for entry in Artifact.read(directory).manifest.entry_points:
        for vector in Artifact.read(directory).golden(entry):
            taken = 1 - np.fromfile(outputs / vector.path_file, "<f4")
            taken[np.fromfile(outputs / vector.path_file, "<f4") == 0] = 0  # no dearer, so that the budget is kept
            taken.tofile(outputs / vector.path_file)
    return directory, outputs


def test_a_device_whose_every_path_is_a_tie_was_not_compared_and_has_not_passed(undecided):
    found = judge(*undecided)
    assert found["passed"] is False
    compared = [check for check in found["checks"] if check["path_ties"] == check["images"]]
    assert compared, "the test's device took no other path"
    for check in compared:
        assert (check["passed"], check["max_abs_error"]) == (None, None)
        assert "no alpha was compared" in check["reason"]


@pytest.mark.parametrize("value", [math.nan, 0.7, 2.0])
def test_a_devices_path_of_something_else_than_0_and_1_is_a_mismatch(dynamic_artifacts, tmp_path, value):
    directory = dynamic_artifacts[Target.EXECUTORCH].directory
    outputs = shutil.copytree(directory / "golden", tmp_path / "outputs")
    for file in outputs.glob("*.path.f32"):
        spoil(file, value, 1)
    for check in judge(directory, outputs)["checks"]:
        assert (check["passed"], check["path_mismatches"], check["path_ties"]) == (False, check["images"], 0)


class Spoiled:
    """A real model that gives a value of no number on one picture."""

    def __init__(self, model, picture, value):
        self._model, self._picture, self._value = model, picture, value
        self.height, self.width, self.ran_on = model.height, model.width, model.ran_on

    def _spoil(self, image, alpha):
        spoiled = alpha.copy()
        if np.array_equal(image, self._picture.image):
            spoiled[5, 5] = self._value
        return spoiled

    def __call__(self, image, source, control=None, last=None):
        found = self._model(image, source, control, last)
        return found | {"alpha": self._spoil(image, found["alpha"])}


@NO_NUMBERS
@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_a_runtime_that_gives_no_number_on_one_picture_fails_there(
    static_artifacts, dynamic_artifacts, monkeypatch, kind, value
):
    artifact = {"static": static_artifacts, "dynamic": dynamic_artifacts}[kind][Target.EXECUTORCH]
    pictures = tuple(fit(each, 64, 64) for each in bundled_pictures()[:3])
    runtime = type(load_runtime(Target.EXECUTORCH))
    load = runtime.load
    monkeypatch.setattr(runtime, "load", lambda self, *a, **k: Spoiled(load(self, *a, **k), pictures[1], value))
    reference = Reference(load_checkpoint("pam-minute").supernet, pictures)
    record, _ = EntryCheck(artifact, artifact.manifest.entry_points[0], reference, threads=1).in_runtime("executorch")
    assert (record.passed, record.max_abs_error, record.worst_picture) == (False, None, pictures[1].name)
    strict(record.model_dump_json())
    assert "NaN or infinity on 1 pictures" in describe_failure("x", [record])
    assert "could not be run" not in describe_failure("x", [record])


@NO_NUMBERS
def test_two_runtimes_that_are_no_numbers_apart_fail_with_every_reason(value):
    first = RECORD.model_copy(update={"passed": True, "runtime": "coreml"})
    second = first.model_copy(update={"runtime": "reference", "reason": "changed"})
    alphas = np.zeros((2, 2), np.float32), np.full((2, 2), value, np.float32)
    mattes = [{"cat": Colours(alpha, None)} for alpha in alphas]
    _, record = compare_runtimes([first, second], mattes, 0.03)
    assert (record.passed, record.max_abs_between_runtimes) == (False, None)
    assert record.reason.startswith("changed; ")
    strict(record.model_dump_json())


def test_json_is_printed_whole_or_not_at_all(capsys):
    with pytest.raises(ValueError, match="JSON"):
        print_json({"first": 1, "second": math.nan})
    assert capsys.readouterr().out == ""


def test_json_is_printed_where_stdout_takes_ascii_alone(monkeypatch):
    import io

    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    print_json({"directory": "Größe \udcff"})
    stream.flush()
    assert strict(stream.buffer.getvalue())["directory"] == "Größe \udcff"
