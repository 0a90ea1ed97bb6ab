"""Run a function in its own process, because converters and native runtimes can crash, hang, and print.

The function is named as ``package.module:function``, takes one JSON-able dictionary and returns another. A crash, a
hang or a refusal in the worker becomes an error here; everything that it printed is kept for the message.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from pam_edge import errors

CRASH_HOOK = "PAM_EDGE_CRASH_WORKER"
"""Test hook: a worker whose request contains this variable's value aborts, as crashing native code would."""

_TAIL_CHARACTERS = 1500
_TAIL_SHOWN = 300
"""Of the above, in the message itself."""


def run_in_worker(
    function: str, payload: dict[str, Any], *, threads: int = 1, timeout_s: float = 900
) -> dict[str, Any]:
    """Call ``function`` with ``payload`` in a new process and return its result.

    Args:
        function: ``package.module:name`` of a function from dictionary to dictionary.
        payload: what it is called with; must survive JSON.
        threads: for numerical libraries inside the worker.
        timeout_s: the worker is killed after this time.

    Raises:
        PamEdgeError: of the class that the function raised, with its message.
        WorkerError: if the worker crashed or hung.
        InternalError: if it failed in a way that nobody foresaw; its note holds the worker's traceback.
    """
    with tempfile.TemporaryDirectory(prefix="pam-edge-") as folder:
        request, answer, log = (Path(folder) / name for name in ("request.json", "answer.json", "log.txt"))
        job = {"function": function, "payload": payload, "threads": threads, "parent": os.getpid()}
        request.write_text(json.dumps(job))
        with log.open("wb") as output:
            code = _run([sys.executable, "-P", "-m", "pam_edge.workers", str(request), str(answer)], output, timeout_s)
        tail = log.read_text(errors="replace")[-_TAIL_CHARACTERS:]
        if code is None:
            raise _died(function, f"it did not finish within {timeout_s:.0f} s and was stopped", tail)
        if not answer.is_file():
            raise _died(function, f"its process died: {_describe_exit(code)}", tail)
        result: dict[str, Any] = json.loads(answer.read_text())
    if "error" in result:
        error: errors.PamEdgeError = getattr(errors, result["error"], errors.InternalError)(result["message"])
        if "traceback" in result:
            error.add_note(result["traceback"])
        raise error
    value: dict[str, Any] = result["value"]
    return value


def _run(command: list[str], output: Any, timeout_s: float) -> int | None:
    """Return the exit code, or None if the process had to be stopped. The worker dies with its parent's session."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _died(function: str, how: str, log: str) -> errors.WorkerError:
    words = " ".join(log.split())
    error = errors.WorkerError(
        f"Expected {function} to answer; {how}. Last words: {words[-_TAIL_SHOWN:] or 'none'}. Try again; if it happens "
        "again, report it."
    )
    error.add_note(log)
    return error


def _describe_exit(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code} and no answer"


def _exit_with_parent(parent: int) -> None:
    """Ask Linux to end this worker when its parent ends, even by SIGKILL, so that no orphan goes on converting."""
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)


def _main(request: Path, answer: Path) -> None:
    text = request.read_text()
    job = json.loads(text)
    _exit_with_parent(job["parent"])
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(job["threads"])
    if os.environ.get(CRASH_HOOK) and os.environ[CRASH_HOOK] in text:
        os.abort()
    module, _, name = job["function"].partition(":")
    try:
        result = {"value": getattr(importlib.import_module(module), name)(job["payload"])}
    except errors.PamEdgeError as error:
        result = {"error": type(error).__name__, "message": str(error)}
    except Exception as error:  # the boundary of the process: anything unforeseen travels as text
        result = {
            "error": "InternalError",
            "message": f"{job['function']} failed: {' '.join(repr(error).split())}",
            "traceback": traceback.format_exc(),
        }
    answer.with_suffix(".partial").write_text(json.dumps(result))
    answer.with_suffix(".partial").replace(answer)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]))
