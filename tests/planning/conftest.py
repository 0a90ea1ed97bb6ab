from datetime import date

import numpy as np
import pytest

from pam_edge.device_profiles.schema import DeviceProfile
from pam_edge.planning.design import default_path_count, design_paths, schedule
from pam_edge.supernet.variants import VARIANTS


@pytest.fixture(autouse=True)
def _never_the_users_profiles(user_profiles):
    """Every test of planning sees an empty folder of profiles, asked for or not."""


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


class SimulatedDevice:
    """A device whose true costs are known, with noise, hiccups and drift as asked."""

    def __init__(self, variant="pam-minute", noise=0.01, seed=0):
        self.config = VARIANTS[variant]
        self.noise = noise
        self.generator = np.random.default_rng(seed)
        count = self.config.block_count
        self.fixed, self.bypass = 50.0, np.full(count, 1.0)
        self.run = 4.0 + 12.0 * np.random.default_rng(count).random(count)

    def cost(self, path, moved=0.0):
        return self.fixed + float(np.where(np.array(path.runs), self.run * (1 + moved), self.bypass).sum())

    def samples(self, paths=None, rounds=12, hiccups=0.0, drift=0.0, interaction=0.0, sessions=1, spread=0.0):
        count = self.config.block_count
        paths = paths or design_paths(count, default_path_count(count))
        rows = []
        moved = spread * self.generator.standard_normal((sessions, count))
        for number, order in enumerate(schedule(paths, rounds)):
            session = number * sessions // rounds
            for path in order:
                factor = 1 + self.noise * self.generator.standard_normal() + drift * number / rounds
                factor *= 1.7 if self.generator.random() < hiccups else 1.0
                latency = (self.cost(path, moved[session]) + interaction * (path.runs[0] and path.runs[1])) * factor
                row = {"path": str(path), "round": number, "latency_ms": round(latency, 4), "session": session}
                rows.append(row)
        return rows

    def file(self, **options):
        return {
            "schema_version": 1,
            "device": "Simulated phone",
            "soc": "none",
            "os": "none",
            "target": "tflite",
            "runtime": "ai-edge-litert",
            "runtime_version": "2.3.0",
            "compute_unit": "cpu",
            "delegate": "xnnpack",
            "threads": 1,
            "precision": "fp32",
            "height": 256,
            "width": 256,
            "variant": self.config.name,
            "architecture_hash": self.config.architecture_hash(),
            "date": "2025-03-01",
            "tool": "a simulation",
            "samples": self.samples(**options),
        }


@pytest.fixture
def simulated_device():
    return SimulatedDevice
