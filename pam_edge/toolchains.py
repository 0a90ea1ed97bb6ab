"""Import a toolchain without the packages that it would load and that we never use."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

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
