"""Objects that live in processes of their own, so that neither memory nor threads of one touch another's numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_TAIL_CHARACTERS = 1500


class WorkerError(Exception):
    """A worker died; the message holds its last words."""


class Worker:
    """One object of this package in a process that lives until ``close``.

    Args:
        reference: ``module:Class`` inside this package.
        threads: for numerical libraries that read it from the environment.
        environment: variables beside those of this process.
    """

    def __init__(self, reference: str, *, threads: int, environment: Mapping[str, str] | None = None) -> None:
        self._reference = reference
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.serve", reference],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=REPOSITORY,
            env=os.environ | dict.fromkeys(_THREAD_VARIABLES, str(threads)) | dict(environment or {}),
            text=True,
        )

    def send(self, method: str, **arguments: Any) -> None:
        """Start a call; its answer must be received before the next one starts."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"call": method, "arguments": arguments}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._death() from error

    def receive(self) -> Any:
        """Wait for the answer to the call that was sent.

        Raises:
            WorkerError: if the process died.
        """
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise self._death()
        return json.loads(answer)["value"]

    def call(self, method: str, **arguments: Any) -> Any:
        """Call a method and wait for its answer."""
        self.send(method, **arguments)
        return self.receive()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _death(self) -> WorkerError:
        code = self._process.wait()
        self._log.seek(0)
        tail = self._log.read().decode(errors="replace")[-_TAIL_CHARACTERS:]
        return WorkerError(f"The worker of {self._reference} ended with code {code}. Its last words:\n{tail}")
