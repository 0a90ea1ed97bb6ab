"""What a failure is to a shell and to a person: an exit code and one paragraph."""

from __future__ import annotations

import errno
import sys
import traceback
from enum import IntEnum

from pam_edge.cli.output import note, print_json
from pam_edge.cli.streams import STDOUT, lead_nowhere
from pam_edge.errors import ConversionError, InternalError, PamEdgeError, ParityError


class ExitCode(IntEnum):
    """What a command's end says."""

    DONE = 0
    CHECK_FAILED = 1
    WRONG_USE = 2
    FAULT = 3
    INTERRUPTED = 130


EXIT_CODES = "Exit codes: 0 done, 1 a check failed, 2 wrong use, 3 a fault of pam-edge itself, 130 interrupted."

_CHECK_FAILED = (ParityError, ConversionError)

_REFUSALS = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EEXIST,
        errno.EFBIG,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOSPC,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)
"""What a system says of a file that a user named, or of a disk that is full."""


def report_failure(error: Exception, *, debug: bool, json: bool) -> ExitCode:
    """Say what went wrong, on stderr, and for scripts on stdout too; return how the command is to end.

    Args:
        error: that ended the command.
        debug: whether to print the traceback as well.
        json: whether a script reads stdout.
    """
    if isinstance(error, BrokenPipeError):  # whoever read has gone: as other programs, without a word
        lead_nowhere()
        return ExitCode.CHECK_FAILED
    code, message = _explain(error)
    if debug:
        note("".join(traceback.format_exception(error)).rstrip())
    if json:
        kind = InternalError if code is ExitCode.FAULT else type(error)
        print_failure(message, kind)
    note(("Error: ", "bold red"), message)
    return code


def print_failure(message: str, kind: type[BaseException]) -> None:
    """Print for scripts why a command ends. Where that cannot be printed either, it still ends as it would have."""
    try:
        print_json({"error": message, "kind": kind.__name__})
        sys.stdout.flush()
    except OSError:
        lead_nowhere()


def _explain(error: Exception) -> tuple[ExitCode, str]:
    if isinstance(error, PamEdgeError) and not isinstance(error, InternalError):
        return ExitCode.CHECK_FAILED if isinstance(error, _CHECK_FAILED) else ExitCode.WRONG_USE, str(error)
    if isinstance(error, OSError) and error.filename == STDOUT:
        lead_nowhere()
        return ExitCode.WRONG_USE, (
            f"The system takes no more of what is printed: {error.strerror}. Check where {STDOUT} goes to."
        )
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        return ExitCode.WRONG_USE, (
            f"The system refuses {error.filename or 'a file, without saying which'}: {error.strerror}. Check that the "
            "path is right, that you may use it, and that there is room, for temporary files too."
        )
    what = str(error) if isinstance(error, InternalError) else f"{type(error).__name__}: {error}"
    return ExitCode.FAULT, (
        f"This is a fault of pam-edge, not of yours: {' '.join(what.split())}. Report it, with the command and "
        "what it prints when --debug is added."
    )
