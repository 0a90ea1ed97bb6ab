"""Import and load toolchains without what they drag in and without what they print."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType

_log = logging.getLogger(__name__)

UNUSED_BY_COREMLTOOLS = ("sklearn", "executorch", "tensorflow", "xgboost")
"""What coremltools imports when it is there, to convert other packages' models."""


@contextmanager
def hidden(*packages: str) -> Iterator[None]:
    """Make ``packages`` look uninstalled while a toolchain is imported; ones that are loaded already stay visible.

    Importing coremltools without them took 7.5 s of processor time instead of 11.4 s where this was written.
    """
    absent = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is the documented way to block an import
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextmanager
def emptied(package: str) -> Iterator[None]:
    """Let modules of ``package`` be imported without what the package itself imports, unless it is loaded already.

    ExecuTorch's runtime takes the class of a warning from its compiler, ``executorch.exir``: importing it so took 2.6 s
    of processor time instead of 7.9 s where this was written.
    """
    found = None if package in sys.modules else find_spec(package)
    if found is None or found.submodule_search_locations is None:
        yield
        return
    stand_in = ModuleType(package)
    stand_in.__path__ = list(found.submodule_search_locations)
    sys.modules[package] = stand_in
    try:
        yield
    finally:
        for name in [name for name in sys.modules if f"{name}.".startswith(f"{package}.")]:
            del sys.modules[name]


@contextmanager
def silenced() -> Iterator[None]:
    """Log what native code and warnings print instead of showing it; failures still come as exceptions.

    ExecuTorch and LiteRT write to the process's own descriptors when they load, past Python's streams.
    """
    with tempfile.TemporaryFile() as printed:
        try:
            with _redirected(printed.fileno()):
                yield
        finally:
            printed.seek(0)
            text = printed.read().decode(errors="replace").strip()
            if text:
                _log.debug("printed while a toolchain loaded:\n%s", text)


@contextmanager
def _redirected(descriptor: int) -> Iterator[None]:
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    try:
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for standard, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, standard)
            os.close(copy)
