"""Which accelerators a file suits, and why: what is known of the runtimes, not something measured on a device."""

from __future__ import annotations

from pam_edge.delivery.manifest import AcceleratorRecord
from pam_edge.targets import Mode, Target

_CHOOSES = "the graph chooses between branches (control flow)"

_FIXED: dict[Target, dict[str, tuple[bool, str]]] = {
    Target.COREML: {
        "CPU": (True, "Core ML runs every ML program on the CPU"),
        "GPU": (True, "every operator is one that Core ML's GPU takes"),
        "Neural Engine": (True, "every operator is one that it takes; Core ML decides on the device"),
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
        "Neural Engine": (False, f"{_CHOOSES}: Core ML does not promise it; use mode multi there"),
    },
    Target.TFLITE: {
        "CPU (XNNPACK)": (True, "both branches of every block are delegated"),
        "GPU delegate": (False, f"{_CHOOSES}: it does not take IF; use mode multi there"),
        "NPU delegates": (False, f"{_CHOOSES}: they do not take IF; use mode multi there"),
    },
    Target.EXECUTORCH: {"CPU (XNNPACK)": (True, "both branches of every block are delegated")},
}


def accelerators(target: Target, mode: Mode) -> tuple[AcceleratorRecord, ...]:
    """Return what is known of each accelerator that the target's runtime can use."""
    known = _DYNAMIC if mode is Mode.DYNAMIC else _FIXED
    rows = known[target].items()
    return tuple(AcceleratorRecord(accelerator=name, suits=suits, why=why) for name, (suits, why) in rows)
