"""Run the command line in a fork of this process, which has imported what takes long, and say what became of it."""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

LIMIT_S = 60.0
MOST_BYTES = 3 << 30
"""Of memory, this process's own included."""


class Outcome(StrEnum):
    """What became of one try."""

    REFUSED = "refused"
    TAKEN = "taken"
    WRONG = "taken, wrong"
    TRACEBACK = "traceback"
    CRASH = "crash"
    HANG = "hang"
    MEMORY = "memory"
    UNCLEAR = "refused unclearly"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, or a signal as a negative number; None for one that did not end."""

    code: int | None
    stdout: str
    stderr: str
    peak_bytes: int


def run(arguments: list[str], folder: Path) -> Ended:
    """Run ``pam-edge`` with arguments, in a folder."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            _become(arguments, folder, out.fileno(), err.fileno())
        code, peak = _wait(child)
        return Ended(code, _text(out), _text(err), peak)


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode(errors="replace")


def _become(arguments: list[str], folder: Path, out: int, err: int) -> None:
    os.setpgid(0, 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.chdir(folder)
    sys.argv = ["pam-edge", *arguments]
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    code = 0
    try:
        from pam_edge.cli.main import run as run_command_line

        run_command_line()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _wait(child: int) -> tuple[int | None, int]:
    """Return the exit code and the peak of memory; kill what does not end."""
    ends = time.monotonic() + LIMIT_S
    while time.monotonic() < ends:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024
        time.sleep(0.005)
    os.killpg(child, signal.SIGKILL)
    _, _, usage = os.wait4(child, 0)
    return None, usage.ru_maxrss * 1024


def judge(ended: Ended) -> Outcome:
    """Return what became of a command, except whether one that took its file did right."""
    text = ended.stdout + ended.stderr
    if ended.code is None:
        return Outcome.HANG
    if ended.peak_bytes > MOST_BYTES:
        return Outcome.MEMORY
    if "Traceback (most recent call last)" in text or ended.code in (3, 70):
        return Outcome.TRACEBACK
    if ended.code < 0:
        return Outcome.CRASH
    if ended.code == 0:
        return Outcome.TAKEN
    told = [line for line in ended.stderr.splitlines() if line.strip()]
    return Outcome.REFUSED if ended.code in (1, 2) and 1 <= len(told) <= 12 else Outcome.UNCLEAR


def limit_this_process() -> None:
    """Let no fork take the whole machine's memory, nor leave a core file."""
    resource.setrlimit(resource.RLIMIT_AS, (4 * MOST_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
