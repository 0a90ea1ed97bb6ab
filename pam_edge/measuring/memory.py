"""Resident memory of this process, as Linux counts it; other systems have no peak that can be set back."""

from __future__ import annotations

import re
import sys
from pathlib import Path

CAN_MEASURE = sys.platform == "linux"

_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"
"""What ``/proc/self/clear_refs`` takes to set VmHWM back to the present VmRSS (proc(5))."""


def resident_bytes() -> int:
    """Return the present resident set (VmRSS): private and mapped pages, code of libraries included."""
    return _field("VmRSS")


def peak_bytes() -> int:
    """Return the largest resident set since ``reset_peak`` (VmHWM)."""
    return _field("VmHWM")


def mapped_bytes() -> int:
    """Return the part of the present resident set that is file pages (RssFile): library code and mapped files."""
    return _field("RssFile")


def reset_peak() -> None:
    """Let the peak start again from the present resident set."""
    Path("/proc/self/clear_refs").write_text(_RESET_PEAK)


def _field(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    assert found is not None, f"{_STATUS} has no {name}: CAN_MEASURE says where it has"
    return int(found[1]) * 1024
