"""Ctrl-C and SIGTERM end a command quickly and cleanly, and say what is left."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from pam_edge.cli.failures import print_failure
from pam_edge.cli.output import notices

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PATIENCE_S = 3.0
"""An interruption that has not ended the command by then was lost, as in a destructor, and is raised again."""


class Interrupted(BaseException):
    """Someone asked this process to stop. No KeyboardInterrupt, because typer ends silently on that one.

    Attributes:
        is_told: whether the command has printed its one JSON object already, so that the end adds none.
    """

    is_told = False


class _Stopper:
    """Handles the signals: the first raises; later ones find the command cleaning up, and change nothing."""

    def __init__(self) -> None:
        self.by: int | None = None
        self._pid = os.getpid()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a forked process, such as a data loader's, ends as it would by itself
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        if self.by is not None and number != signal.SIGALRM:
            return
        self.by = self.by or number
        signal.setitimer(signal.ITIMER_REAL, _PATIENCE_S)
        raise Interrupted


@contextmanager
def interruptible(*, json: bool) -> Iterator[None]:
    """Run a command that SIGINT and SIGTERM end with a message and exit code 130 or 143.

    A signal that whoever started this process wants ignored, as shells do for what runs in the background, stays so.
    Whatever error ends it after such a signal comes from the signal: native imports turn interruptions into others.
    """
    stopper = _Stopper()
    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stopper) for number in (*heeded, signal.SIGALRM)}
    try:
        yield
    except BaseException as error:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if stopper.by is None or (isinstance(error, SystemExit) and not error.code):
            raise
        before |= dict.fromkeys(heeded, signal.SIG_IGN)  # the way out has begun
        told = getattr(error, "is_told", False)
        _say(" ".join(["Interrupted.", *getattr(error, "__notes__", [])]), json=json and not told)
        sys.exit(128 + stopper.by)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(message: str, *, json: bool) -> None:
    if json:
        print_failure(message, Interrupted)
    notices.print(message, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def noting(note: str) -> Iterator[None]:
    """Add a sentence to what is said if the command is interrupted meanwhile, whatever error that is turned into."""
    try:
        yield
    except BaseException as error:
        error.add_note(note)
        raise
