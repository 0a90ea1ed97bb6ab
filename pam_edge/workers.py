"""Run a function in its own process, because converters and native runtimes can crash, hang, and print.

The function is named as ``package.module:function``, takes one JSON-able dictionary and returns another. A crash, a
hang or a refusal in the worker becomes an error here; everything that it printed is kept for the message.

Workers are in sessions of their own: what interrupts this process does not reach them, so it stops them itself.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pam_edge import errors

CRASH_HOOK = "PAM_EDGE_CRASH_WORKER"
"""Test hook: a worker whose request contains this variable's value aborts, as crashing native code would."""

LOG_VARIABLE = "PAM_EDGE_LOG"
"""Environment variable that names a folder where all that workers print is kept."""

MOST_THREADS = 1024
"""More than any machine runs at once that this is for; numerical libraries end the process over far too many."""

_TAIL_CHARACTERS = 1500
_TAIL_SHOWN = 300
"""Of the above, in the message itself."""

_LOOKS_UP_EVERY_S = 0.2
"""A signal that comes just before a thread waits for a lock does not wake it: no wait may be long."""

_T = TypeVar("_T")
_log = logging.getLogger("pam_edge.workers")  # by name: in a worker this module is __main__


def check_threads(threads: int) -> None:
    """Check a number of threads before a numerical library gets it, which says so in other words, or ends the process.

    Raises:
        UsageError: if it is no whole number of at least 1, or far too many.
    """
    if type(threads) is not int or not 1 <= threads <= MOST_THREADS:
        raise errors.UsageError(
            f"threads: expected a whole number from 1 to {MOST_THREADS}; got {threads!r}. Give as many as this "
            "machine's processors, or fewer."
        )


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
        UsageError: if its log is to be kept where nothing can be written, or there can be no such threads.
    """
    check_threads(threads)
    with tempfile.TemporaryDirectory(prefix="pam-edge-") as folder:
        request, answer = Path(folder) / "request.json", Path(folder) / "answer.json"
        kept = _kept_log(function)
        log = kept or Path(folder) / "log.txt"
        job = {"function": function, "payload": payload, "threads": threads, "parent": os.getpid()}
        request.write_text(json.dumps(job))
        with log.open("wb") as output:
            code = _run([sys.executable, "-P", "-m", "pam_edge.workers", str(request), str(answer)], output, timeout_s)
        last = log.read_text(errors="replace")[-_TAIL_CHARACTERS:]
        if code is None:
            raise _died(function, f"it did not finish within {timeout_s:.0f} s and was stopped", last, kept)
        if not answer.is_file():
            raise _died(function, f"its process died: {_describe_exit(code)}", last, kept)
        result: dict[str, Any] = json.loads(answer.read_text())
    if "error" in result:
        error: errors.PamEdgeError = getattr(errors, result["error"], errors.InternalError)(result["message"])
        if "traceback" in result:
            error.add_note(result["traceback"])
        raise error
    value: dict[str, Any] = result["value"]
    return value


def side_by_side(tasks: Sequence[Callable[[], _T]]) -> list[_T]:
    """Run tasks that wait for workers, each in a thread of its own, and return their results in order.

    If one fails, the others go on to their end. If the caller is interrupted meanwhile, all their workers are stopped
    and no task can start another; this returns when the tasks have cleaned up.

    Raises:
        Exception: the first task's in order that failed.
    """
    crew = _Crew()
    pool = ThreadPoolExecutor(len(tasks), initializer=setattr, initargs=(_thread, "crew", crew))
    try:
        futures = [pool.submit(task) for task in tasks]
        while wait(futures, _LOOKS_UP_EVERY_S).not_done:
            pass
    except BaseException:
        crew.stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return [future.result() for future in futures]


class _Crew:
    """The workers of tasks that run side by side, or of one that runs alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: set[subprocess.Popen[bytes]] = set()
        self._is_stopped = False

    def start(self, command: list[str], output: BinaryIO) -> subprocess.Popen[bytes]:
        """Start a worker whose temporary files lie beside its answer: they go with it, however it ends."""
        environment = os.environ | {"TMPDIR": str(Path(command[-1]).parent)}
        with self._lock:
            if self._is_stopped:
                raise errors.ConversionError("Interrupted: no worker is started any more.")
            worker = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, env=environment
            )
            self._workers.add(worker)
        _log.debug("worker %d: %s", worker.pid, " ".join(command))
        return worker

    def end(self, worker: subprocess.Popen[bytes]) -> None:
        """Stop a worker unless it has ended."""
        if worker.poll() is None:
            _kill(worker)
            worker.wait()
        with self._lock:
            self._workers.discard(worker)
        _log.debug("worker %d ended: %s", worker.pid, _describe_exit(worker.returncode))

    def stop(self) -> None:
        """Stop all workers, for good: tasks that are slow to notice start none any more."""
        with self._lock:
            self._is_stopped = True
            for worker in self._workers:
                _kill(worker)


_thread = threading.local()
"""``crew``: to which the workers that this thread starts belong."""


def _kept_log(function: str) -> Path | None:
    """Return a new file for a worker's log, where logs are kept: where the variable says, or when debugging."""
    named = os.environ.get(LOG_VARIABLE)
    if not named and not _log.isEnabledFor(logging.DEBUG):
        return None
    from platformdirs import user_log_path

    folder = Path(named) if named else user_log_path("pam-edge", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        start = f"{datetime.now():%Y%m%d-%H%M%S}-{function.partition(':')[2]}-"
        descriptor, name = tempfile.mkstemp(prefix=start, suffix=".log", dir=folder)
    except OSError as error:
        raise errors.UsageError(
            f"Expected a folder for logs that can be written to; got {folder}: {error.strerror}. Name another in "
            f"{LOG_VARIABLE}."
        ) from error
    os.close(descriptor)
    _log.debug("%s: what it prints is kept in %s", function, name)
    return Path(name)


def _run(command: list[str], output: BinaryIO, timeout_s: float) -> int | None:
    """Return the exit code, or None if the process had to be stopped."""
    crew = getattr(_thread, "crew", None) or _Crew()
    worker = crew.start(command, output)
    try:
        return worker.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        crew.end(worker)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a worker with all processes that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _died(function: str, how: str, log: str, kept: Path | None) -> errors.WorkerError:
    words = " ".join(log.split())
    where = f" All that it printed: {kept}." if kept else ""
    error = errors.WorkerError(
        f"Expected {function} to answer; {how}. Last words: {words[-_TAIL_SHOWN:] or 'none'}.{where} Try again; if it "
        "happens again, report it."
    )
    error.add_note(log)
    return error


def _describe_exit(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


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
    logging.basicConfig(format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("pam_edge").setLevel(logging.DEBUG)
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
