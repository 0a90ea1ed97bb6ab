"""The machine that pam-edge runs on, as a device with a profile of its own."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pam_edge.device_profiles.loader import read_profile, user_folder
from pam_edge.device_profiles.schema import DeviceProfile
from pam_edge.errors import ProfileError
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, Precision

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


def host_file() -> Path:
    """Return where this machine's own profile is kept."""
    return user_folder() / f"{NAME}.toml"


def is_this_machine(profile: DeviceProfile) -> bool:
    """Tell whether a profile is of this machine: home directories move, and are shared."""
    machine = this_machine()
    return (profile.device, profile.soc) == (machine.device, machine.soc)


def is_measured(target: Target, precision: Precision, height: int, width: int, variant: str) -> bool:
    """Tell whether this machine's profile has costs for these conditions, on the CPU, with any number of threads."""
    with suppress(ProfileError):
        profile = read_profile(host_file())
        asked = (target, ComputeUnit.CPU, precision, height, width, variant)
        return is_this_machine(profile) and any(
            (table.target, table.compute_unit, table.precision, table.height, table.width, table.variant) == asked
            for table in profile.measurements
        )
    return False
