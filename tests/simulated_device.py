"""A device whose costs are known: what measuring it should find."""

from pathlib import Path

import numpy as np

from pam_edge.measuring.draft import Round, append_round
from pam_edge.measuring.path_design import default_path_count, design_paths, schedule
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import VARIANTS

MEASURED_WITH = {
    "target": "tflite",
    "runtime": "ai-edge-litert",
    "runtime_version": "2.3.0",
    "compute_unit": "cpu",
    "delegate": "xnnpack",
    "threads": 1,
    "precision": "fp32",
}
"""What measured profiles and samples of tests say of their runtime."""


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
            **MEASURED_WITH,
            "height": 256,
            "width": 256,
            "variant": self.config.name,
            "architecture_hash": self.config.architecture_hash(),
            "date": "2025-03-01",
            "tool": "a simulation",
            "samples": self.samples(**options),
        }

    def take_rounds(self, payload, rounds=3):
        """Stand in for ``timing.time_in_worker``: a session's rounds, of the probe and of faster static graphs."""
        for _ in range(rounds):
            calls = [("probe", path, 1.0) for path in payload["paths"]]
            calls += [("static", path, 0.95) for path in payload["static_paths"]]
            timings = [
                (graph, path, self._noisy(scale * self.cost(PathSpec.parse(path)))) for graph, path, scale in calls
            ]
            append_round(Path(payload["draft"]), Round(timings, error_pct=0.5, session=payload["session"]))
        return {"ran_on": "a simulation", "peak_memory_bytes": 1 << 20}

    def _noisy(self, ms):
        return ms * float(np.exp(self.noise * self.generator.standard_normal()))
