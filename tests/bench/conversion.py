"""How long the main command takes, as a user waits for it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.worker import REPOSITORY, WorkerError

CONVERT = "convert --target all --profile iphone13 --size 512 --checkpoint pam-tiny"
EXPECTED_ENTRY_POINTS = 9


@dataclass(frozen=True, slots=True)
class ConversionTime:
    """One run of the command.

    Attributes:
        wall_s: from starting the process to its end, imports and parity checks included; one run, nothing warmed up.
        cpu_s: processor time of the command and its workers.
        verified: entry points whose parity check passed, of ``entry_points``.
        error: what the command said when it made nothing, such as a parity check that failed; None if it was done.
        not_run: entry points of which nothing could be checked here, such as Core ML's without a runtime.
    """

    command: str
    wall_s: float
    cpu_s: float
    entry_points: int
    verified: int
    not_run: int
    error: str | None


def measure_conversion() -> ConversionTime:
    """Run the command into a temporary folder; a command that fails is a result, with its message.

    Raises:
        WorkerError: if it prints no JSON.
    """
    import resource

    with TemporaryDirectory(prefix="pam-edge-bench-") as folder:
        command = [str(Path(sys.executable).with_name("pam-edge")), *shlex.split(CONVERT), "--out", folder, "--json"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
        wall_s = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        answer = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise WorkerError(f"pam-edge {CONVERT} ended with {done.returncode}:\n{done.stderr[-1500:]}") from error
    passed = [record["passed"] for artifact in answer.get("artifacts", []) for record in artifact["parity"]]
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return ConversionTime(
        CONVERT, wall_s, cpu_s, len(passed), passed.count(True), passed.count(None), answer.get("error")
    )
