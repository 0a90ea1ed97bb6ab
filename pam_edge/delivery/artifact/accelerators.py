"""Which accelerators a file suits, and why: what is known of the runtimes, not something measured on a device."""

from __future__ import annotations

from pam_edge.delivery.artifact.manifest import AcceleratorRecord
from pam_edge.targets import Target
from pam_edge.terms import Mode, Precision

_CHOOSES = "the graph chooses between branches (control flow)"

_NEURAL_ENGINE = "Neural Engine"

_FIXED: dict[Target, dict[str, tuple[bool, str]]] = {
    Target.COREML: {
        "CPU": (True, "Core ML runs every ML program on the CPU"),
        "GPU": (True, "every operator is one that Core ML's GPU takes"),
        _NEURAL_ENGINE: (True, "every operator is one that it takes; Core ML decides on the device"),
    },
    Target.TFLITE: {
        "CPU (XNNPACK)": (True, "one partition, nothing outside of it"),
        "GPU delegate": (True, "standard operators in fixed shapes; not run here"),
        "NPU delegates": (True, "standard operators in fixed shapes; not run here, and many want int8"),
    },
    Target.EXECUTORCH: {"CPU (XNNPACK)": (True, "one partition, nothing outside of it")},
}

_DYNAMIC: dict[Target, dict[str, tuple[bool, str]]] = {
    Target.COREML: {
        "CPU": (True, "Core ML runs every ML program on the CPU"),
        "GPU": (False, f"{_CHOOSES}: Core ML does not promise it; use mode multi there"),
        _NEURAL_ENGINE: (False, f"{_CHOOSES}: Core ML does not promise it; use mode multi there"),
    },
    Target.TFLITE: {
        "CPU (XNNPACK)": (True, "both branches of every block are delegated"),
        "GPU delegate": (False, f"{_CHOOSES}: it does not take IF; use mode multi there"),
        "NPU delegates": (False, f"{_CHOOSES}: they do not take IF; use mode multi there"),
    },
    Target.EXECUTORCH: {"CPU (XNNPACK)": (True, "both branches of every block are delegated")},
}


def accelerators(target: Target, mode: Mode, precision: Precision) -> tuple[AcceleratorRecord, ...]:
    """Return what is known of each accelerator that the target's runtime can use."""
    known = dict((_DYNAMIC if mode is Mode.DYNAMIC else _FIXED)[target])
    if target is Target.COREML and precision is Precision.FP32:
        known[_NEURAL_ENGINE] = (False, "it computes in half precision only; use fp16 there")
    return tuple(AcceleratorRecord(accelerator=name, suits=suits, why=why) for name, (suits, why) in known.items())
