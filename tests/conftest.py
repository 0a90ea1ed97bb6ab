"""Fixtures that many tests share: artifacts of the minute variant, converted once for the whole run."""

from pathlib import Path

import pytest

from pam_edge.delivery.convert import Artifact, ConvertRequest, convert
from pam_edge.planning.budget import parse_budget
from pam_edge.runtimes.base import Inspection
from pam_edge.runtimes.registry import load_runtime
from pam_edge.targets import Mode, Precision, Target


def minute_request(out: Path, **changes) -> ConvertRequest:
    """Return a request for the minute variant at 64x64 with two budgets, with changes."""
    fields = {
        "checkpoint": "pam-minute",
        "targets": tuple(Target),
        "budgets": tuple(map(parse_budget, ("100%", "60%"))),
        "profile": None,
        "mode": Mode.STATIC,
        "precision": Precision.FP32,
        "height": 64,
        "width": 64,
        "io": None,
        "out": out,
        "command": "pam-edge convert (a test)",
    }
    return ConvertRequest(**(fields | changes))


def inspections(artifact: Artifact) -> list[Inspection]:
    """Return what every entry point is made of, read in this process, which has the toolchain loaded already."""
    runtime = load_runtime(artifact.manifest.target)
    entries = artifact.manifest.entry_points
    return [runtime.inspect(artifact.directory / entry.file, entry.function) for entry in entries]


@pytest.fixture
def user_profiles(tmp_path, monkeypatch) -> Path:
    """Return a folder that takes the place of the user's own profiles."""
    folder = tmp_path / "profiles"
    monkeypatch.setenv("PAM_EDGE_PROFILES", str(folder))
    return folder


@pytest.fixture(scope="session")
def static_artifacts(tmp_path_factory) -> dict[Target, Artifact]:
    """One static fp32 artifact per target."""
    artifacts = convert(minute_request(tmp_path_factory.mktemp("static")))
    return {artifact.manifest.target: artifact for artifact in artifacts}


@pytest.fixture(scope="session")
def multi_artifacts(tmp_path_factory) -> dict[Target, Artifact]:
    """One artifact per target with both paths in one file, at 64x96, Core ML and LiteRT in half precision."""
    out = tmp_path_factory.mktemp("multi")
    shared = {"mode": Mode.MULTI, "width": 96}
    artifacts = convert(minute_request(out, **shared, targets=(Target.COREML, Target.TFLITE), precision=Precision.FP16))
    artifacts += convert(minute_request(out, **shared, targets=(Target.EXECUTORCH,)))
    return {artifact.manifest.target: artifact for artifact in artifacts}


@pytest.fixture(scope="session")
def dynamic_artifacts(tmp_path_factory) -> dict[Target, Artifact]:
    """One dynamic artifact per target, each in its own precision, with two of the budgets it can take."""
    artifacts = convert(minute_request(tmp_path_factory.mktemp("dynamic"), mode=Mode.DYNAMIC, precision=None))
    return {artifact.manifest.target: artifact for artifact in artifacts}
