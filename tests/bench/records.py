"""Results as JSON: every sample, and every number that the tables print."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tests.bench import latency
from tests.bench.classes import OperatorClass
from tests.bench.latency import Comparison
from tests.bench.operators import Breakdown, explain


def comparison_record(found: Comparison) -> dict[str, Any]:
    """Return one subnet's comparison; times in milliseconds, memory in bytes."""
    eager = found.better_eager
    return {
        "checkpoint": found.checkpoint,
        "size": found.size,
        "threads": found.threads,
        "gmacs": found.gmacs,
        "gemm_gmacs_per_s": found.gemm_rate,
        "gemm": asdict(found.gemm),
        "core_share": found.core_share,
        "contenders": {
            name: asdict(standing)
            | {
                "latency_ms": {"median": standing.samples.median_ms, "p90": standing.samples.p90_ms},
                "gmacs_per_s": found.rate(name),
            }
            for name, standing in found.standings.items()
        },
        "better_eager": eager,
        "ratios": {
            "better_eager_over_litert": asdict(found.ratio(eager, latency.LITERT)),
            "better_eager_over_executorch": asdict(found.ratio(eager, latency.EXECUTORCH)),
            "litert_over_onnx_runtime": asdict(found.ratio(latency.LITERT, latency.ONNX)),
            "executorch_over_litert": asdict(found.ratio(latency.EXECUTORCH, latency.LITERT)),
            "coreml_reference_over_eager": asdict(found.ratio(latency.COREML_REFERENCE, latency.EAGER)),
            "litert_share_of_gemm": asdict(found.gemm_share(latency.LITERT)),
            "executorch_share_of_gemm": asdict(found.gemm_share(latency.EXECUTORCH)),
        },
        "peak_memory_ratios": {
            f"{name} / {layout}": {
                "whole": found.memory_ratio(name, layout),
                "unmapped": found.unmapped_memory_ratio(name, layout),
            }
            for name in (latency.LITERT, latency.EXECUTORCH, latency.COREML_REFERENCE)
            for layout in (latency.EAGER, latency.CHANNELS_LAST)
        },
    }


def breakdown_record(found: Breakdown) -> dict[str, Any]:
    """Return ExecuTorch's operator classes of one subnet, with the explanations that are printed."""
    return {
        "checkpoint": found.checkpoint,
        "size": found.size,
        "threads": found.threads,
        "outside_delegate": found.outside,
        "delegate_ms": found.delegate_ms,
        "gemm_gmacs_per_s": found.gemm_rate,
        "classes": [_class_record(found, entry) for entry in found.classes],
        "alone": {name: asdict(duel) for name, duel in found.duels.items()},
        "explanations": {entry.name: explain(found, entry) for entry in found.heavy},
    }


def _class_record(found: Breakdown, entry: OperatorClass) -> dict[str, Any]:
    return {
        "class": entry.name,
        "operators": entry.operators,
        "fastest_ms": entry.fastest_ms,
        "share": found.share(entry),
        "macs": entry.macs,
        "gmacs_per_s": entry.rate,
    }
