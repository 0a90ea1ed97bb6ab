"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "torch",
    "executorch",
    "ai-edge-litert",
    "litert-torch",
    "coremltools",
    "onnxruntime",
    "onnx",
    "onnxscript",
)


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, system, load averages at this moment, and package versions."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "processor": model[1] if model else platform.processor(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average_1_5_15_min": list(os.getloadavg()),
        "versions": {package: version(package) for package in _PACKAGES},
    }
