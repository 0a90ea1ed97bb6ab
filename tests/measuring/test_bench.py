"""What artifacts take here: static, dynamic, with and without a prediction, and Core ML, whose times mean nothing."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.errors import UsageError
from pam_edge.targets import Target

runner = CliRunner()


@pytest.fixture(autouse=True)
def profiles(tmp_path, monkeypatch):
    monkeypatch.setenv("PAM_EDGE_PROFILES", str(tmp_path / "profiles"))


def run(directory):
    result = runner.invoke(app, ["bench", str(directory), "--seconds", "0.5", "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_every_entry_point_is_timed(static_artifacts):
    artifact = static_artifacts[Target.TFLITE]
    found = run(artifact.directory)
    assert [each["name"] for each in found["entry_points"]] == [e.name for e in artifact.manifest.entry_points]
    for each, entry in zip(found["entry_points"], artifact.manifest.entry_points, strict=True):
        assert 0 < each["latency_ms"]["median"] <= each["latency_ms"]["p90"]
        assert each["peak_memory_bytes"] > 0
        assert each["paths"] == [entry.path]
        assert each["predicted_ms"] is None
    assert "pam-edge profile measure --target tflite" in found["prediction"]


def test_a_dynamic_graph_is_timed_at_each_budget(dynamic_artifacts):
    found = run(dynamic_artifacts[Target.TFLITE].directory)
    assert len(found["entry_points"]) == 2
    assert all(each["paths"] for each in found["entry_points"])


def test_a_network_that_is_not_there_any_more_is_timed_without_a_prediction(dynamic_artifacts, tmp_path, monkeypatch):
    """A checkpoint of the user's own, with a configuration that no variant has."""
    monkeypatch.setattr("pam_edge.measuring.bench.read_profile", lambda file: None)
    monkeypatch.setattr("pam_edge.measuring.bench.is_this_machine", lambda profile: True)
    directory = tmp_path / "own"
    shutil.copytree(dynamic_artifacts[Target.TFLITE].directory, directory)
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest["checkpoint"] |= {"variant": "my-own", "reference": str(tmp_path / "gone.safetensors")}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    prediction = run(directory)["prediction"]
    assert prediction.startswith("no prediction")
    assert "gone.safetensors" in prediction


def test_core_ml_is_refused(static_artifacts):
    result = runner.invoke(app, ["bench", str(static_artifacts[Target.COREML].directory)])
    assert isinstance(result.exception, UsageError)
    assert "Apple" in str(result.exception)
