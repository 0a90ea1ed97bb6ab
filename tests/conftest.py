"""Fixtures that many tests share: artifacts of the minute variant, converted once for the whole run, and a profile."""

import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch comes: networks of tests take longer on more

from pam_edge.data_folder import DATA_VARIABLE
from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.manifest import MANIFEST
from pam_edge.delivery.convert import ConvertRequest, convert
from pam_edge.device_profiles.schema import DeviceProfile
from pam_edge.graphs.ends import PLAIN, Interface
from pam_edge.planning.budget import parse_budget
from pam_edge.runtimes.base import Inspection
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.variants import VARIANTS
from pam_edge.targets import Target
from pam_edge.terms import Mode, Precision
from pam_edge.workers import LOG_VARIABLE
from tests.simulated_device import MEASURED_WITH, SimulatedDevice

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def minute_request(out: Path, **changes) -> ConvertRequest:
    """Return a request for the minute variant at 64x64 with two budgets, with changes."""
    fields = {
        "checkpoint": "pam-minute",
        "targets": tuple(Target),
        "budgets": tuple(map(parse_budget, ("100%", "60%"))),
        "profile": None,
        "mode": Mode.STATIC,
        "precision": Precision.FP32,
        "io": None,
        "out": out,
        "command": "pam-edge convert (a test)",
    }
    size = changes.pop("height", 64), changes.pop("width", 64)
    fields["interfaces"] = (Interface(*size, changes.pop("ends", PLAIN)),)
    return ConvertRequest(**(fields | changes))


def inspections(artifact: Artifact) -> list[Inspection]:
    """Return what every entry point is made of, read in this process, which has the toolchain loaded already."""
    runtime = load_runtime(artifact.manifest.target)
    return [runtime.inspect(artifact.file(entry), entry.function) for entry in artifact.manifest.entry_points]


@pytest.fixture(scope="session", autouse=True)
def own_environment() -> Iterator[None]:
    """Keep what a developer has set from deciding what tests judge on, and from keeping their logs.

    A run in the background of a script ignores SIGINT, and so would all that it starts.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.MonkeyPatch.context() as patch:
        for variable in (DATA_VARIABLE, LOG_VARIABLE):
            patch.delenv(variable, raising=False)
        yield


@pytest.fixture(autouse=True)
def user_profiles(tmp_path, monkeypatch) -> Path:
    """Put a folder in the place of the user's own profiles, asked for or not."""
    folder = tmp_path / "profiles"
    monkeypatch.setenv("PAM_EDGE_PROFILES", str(folder))
    return folder


@pytest.fixture
def simulated_device() -> type[SimulatedDevice]:
    """Return the class of simulated devices."""
    return SimulatedDevice


@pytest.fixture
def measured_profile() -> DeviceProfile:
    """Return a profile of the minute variant with round numbers."""
    config = VARIANTS["pam-minute"]
    blocks = [
        {"name": name, "run_ms": 2.0 + i, "run_error_ms": 0.1, "bypass_ms": 0.5, "bypass_error_ms": 0.1}
        for i, name in enumerate(config.block_names)
    ]
    provenance = {
        "kind": "measured",
        "source": "samples.json",
        "date": date(2025, 3, 1),
        "tool_version": "0.1.0",
        "samples": 400,
        "paths": 20,
        "held_out_paths": 6,
        "held_out_median_error_pct": 0.4,
        "held_out_worst_error_pct": 1.1,
    }
    table = {
        **MEASURED_WITH,
        "height": 512,
        "width": 512,
        "variant": "pam-minute",
        "architecture_hash": config.architecture_hash(),
        "fixed_ms": 10.0,
        "fixed_error_ms": 0.2,
        "path_error_ms": 0.03,
        "scatter_ms": 0.04,
        "peak_memory_bytes": 123_456_789,
        "latency_ms": {"p10": 12.0, "p50": 15.0, "p90": 18.0, "p99": 19.5},
        "provenance": provenance,
        "blocks": blocks,
    }
    return DeviceProfile.model_validate(
        {
            "schema_version": 1,
            "name": "bench",
            "device": "A bench",
            "soc": "x86",
            "os": "Linux",
            "measurements": [table],
        }
    )


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> dict[Target, Artifact]:
    """Return artifacts by target; whichever of the run's processes asks first makes them for all, in a folder."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, made = base / name, base / f"{name}.made"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            make(folder)
            made.touch()
    artifacts = [Artifact.read(file.parent) for file in sorted(folder.glob(f"*/{MANIFEST}"))]
    return {artifact.manifest.target: artifact for artifact in artifacts}


@pytest.fixture(scope="session")
def static_artifacts(tmp_path_factory) -> dict[Target, Artifact]:
    """One static fp32 artifact per target."""
    return made_once(tmp_path_factory, "static", lambda out: convert(minute_request(out)))


@pytest.fixture(scope="session")
def multi_artifacts(tmp_path_factory) -> dict[Target, Artifact]:
    """One artifact per target with both paths in one file, at 64x96, in half precision where the target has it."""

    def make(out: Path) -> None:
        shared = {"mode": Mode.MULTI, "width": 96}
        halves = tuple(target for target in Target if Precision.FP16 in target.facts.precisions)
        convert(minute_request(out, **shared, targets=halves, precision=Precision.FP16))
        convert(minute_request(out, **shared, targets=(Target.EXECUTORCH,)))

    return made_once(tmp_path_factory, "multi", make)


@pytest.fixture(scope="session")
def dynamic_artifacts(tmp_path_factory) -> dict[Target, Artifact]:
    """One dynamic artifact per target, each in its own precision, with two of the budgets it can take."""

    def make(out: Path) -> None:
        convert(minute_request(out, mode=Mode.DYNAMIC, precision=None))

    return made_once(tmp_path_factory, "dynamic", make)
