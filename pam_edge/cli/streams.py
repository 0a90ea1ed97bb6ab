"""Standard output and standard error: who has failed when something cannot be printed, and where the rest goes."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from pam_edge.errors import UsageError

if TYPE_CHECKING:
    from typing_extensions import Buffer

STDOUT = "standard output"
"""The file that errors name which come from printing results; the system's own name none."""
_STDOUT, _STDERR = 1, 2


class _Results(io.FileIO):
    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = STDOUT
            raise


class _Notices(io.FileIO):
    """What cannot be said beside the results is left out: a command does its work, and ends as it would."""

    def write(self, data: Buffer, /) -> int:
        with suppress(OSError):
            return super().write(data)
        return memoryview(data).nbytes


def take_streams() -> None:
    """Tell errors of standard output from those of other files; do without a standard error that is not there.

    What somebody else has put in the place of a stream stays.

    Raises:
        UsageError: if standard output is closed: the next file that is opened would take its place, and what is
            printed.
    """
    if sys.stderr is None:
        lead_nowhere(_STDERR)
        sys.stderr = _text(_Notices(_STDERR, "wb", closefd=False), None)
    elif sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Notices(_STDERR, "wb", closefd=False), sys.stderr)
    if sys.stdout is None:
        lead_nowhere(_STDOUT)
        sys.stdout = _text(_Results(_STDOUT, "wb", closefd=False), None)
        raise UsageError("Expected a standard output to print to; it is closed. Send it to a file, or to /dev/null.")
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(_Results(_STDOUT, "wb", closefd=False), sys.stdout)


def lead_nowhere(stream: int = _STDOUT) -> None:
    """Let what is printed go nowhere: no other file takes the stream's place, nor does Python end with an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere == stream:
        os.set_inheritable(stream, True)
        return
    os.dup2(nowhere, stream)
    os.close(nowhere)


def _text(raw: io.FileIO, like: TextIO | None) -> TextIO:
    """Return a stream of text that encodes and flushes as another one does."""
    if not isinstance(like, io.TextIOWrapper):
        return io.TextIOWrapper(io.BufferedWriter(raw), line_buffering=True)
    by_line = like.line_buffering or like.write_through
    return io.TextIOWrapper(io.BufferedWriter(raw), like.encoding, like.errors, line_buffering=by_line)
