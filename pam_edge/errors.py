"""Errors that a user can act on.

Every message is one paragraph: what was expected, what was found, what to do next. The command line prints the
message alone; a traceback appears only with ``--debug``.
"""

from __future__ import annotations


class PamEdgeError(Exception):
    """Base of all errors that pam-edge raises on purpose."""


class UsageError(PamEdgeError):
    """A command or function was called with values that cannot be used (exit code 2)."""


class CheckpointError(PamEdgeError):
    """A checkpoint is missing, damaged, unsafe, or does not fit the supernet (exit code 2)."""


class ProfileError(PamEdgeError):
    """A device profile is missing, malformed, or does not cover what is asked of it (exit code 2)."""


class BudgetError(UsageError):
    """A budget has an unknown unit or lies below the shortest path."""


class MissingExtraError(PamEdgeError):
    """A target's packages are not installed (exit code 2)."""


class ConversionError(PamEdgeError):
    """A converter failed, crashed or did not answer in time (exit code 1)."""


class WorkerError(ConversionError):
    """A worker process crashed or did not answer in time (exit code 1)."""


class UnsupportedOpError(ConversionError):
    """A graph holds an operator that the target, its delegate or a runtime does not take."""


class ArtifactError(PamEdgeError):
    """An artifact folder or one of its files is missing, damaged or of another version (exit code 2)."""


class InternalError(PamEdgeError):
    """Something failed that nobody foresaw: a fault of pam-edge's own (exit code 3)."""


class ParityError(PamEdgeError):
    """An artifact computes something else than the supernet (exit code 1)."""
