"""The machine that pam-edge runs on, as a device with a profile."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

NAME = "host"
"""What its profile is called."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What tells this machine from another, as far as timings go."""

    device: str
    soc: str
    os: str


def this_machine() -> Machine:
    """Describe this machine: no names of hosts or users, which a profile that is passed on should not carry."""
    soc = f"{_processor()}, {os.cpu_count()} cores"
    return Machine(f"{platform.machine()} machine", soc, f"{platform.system()} {platform.release()}")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE)
        if found:
            return found[1].strip()
    return platform.processor() or "unknown processor"
