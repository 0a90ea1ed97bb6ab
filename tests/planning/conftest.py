from datetime import date

import pytest

from pam_edge.device_profiles.schema import DeviceProfile
from pam_edge.supernet.variants import VARIANTS


@pytest.fixture(autouse=True)
def user_profiles(tmp_path, monkeypatch):
    folder = tmp_path / "profiles"
    monkeypatch.setenv("PAM_EDGE_PROFILES", str(folder))
    return folder


@pytest.fixture
def measured_profile():
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
        "target": "tflite",
        "runtime": "ai-edge-litert",
        "runtime_version": "2.3.0",
        "compute_unit": "cpu",
        "delegate": "xnnpack",
        "threads": 1,
        "precision": "fp32",
        "height": 512,
        "width": 512,
        "variant": "pam-minute",
        "architecture_hash": config.architecture_hash(),
        "fixed_ms": 10.0,
        "fixed_error_ms": 0.2,
        "scatter_ms": 0.05,
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
