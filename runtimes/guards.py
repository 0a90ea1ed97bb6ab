"""What every runtime checks in the same words: files, pictures, and whether it knows control flow at all."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError, UsageError

UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
"""What toolchains raise over damaged bytes: their parsers trust the offsets and lengths that they read."""

_MARK = slice(4, 8)
"""Where a FlatBuffers file says what it is."""


def check_flatbuffer(file: Path, kind: str, mark: bytes) -> None:
    """Check that there is a file, and that it begins as files of its kind do, before native code sees it.

    Args:
        file: that is to be loaded.
        kind: for messages, such as ``a LiteRT model (.tflite)``.
        mark: what its fifth byte on begins with.

    Raises:
        ArtifactError: if it does not.
    """
    if not file.is_file():
        found = "a folder" if file.is_dir() else "something that is no file" if file.exists() else "nothing"
        raise ArtifactError(f"Expected {kind} at {file}; found {found}. Check the path, or convert again.")
    with reading(file, kind), file.open("rb") as stream:
        start = stream.read(_MARK.stop)
        if not start[_MARK].startswith(mark):
            raise ValueError(f"it begins with {start!r}")


@contextmanager
def reading(file: Path, kind: str) -> Iterator[None]:
    """Say in one paragraph what a toolchain says over a file that it cannot read or run.

    Only around calls of a toolchain: what is our own fault should not look like a damaged file.

    Raises:
        ArtifactError: in place of what the toolchain raises.
    """
    try:
        yield
    except UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ArtifactError(
            f"Expected {file} to be {kind} that can be read; it is damaged, cut short, or something else: {reason}. "
            "Copy it again from where it was made, or convert again."
        ) from error


def check_picture(image: NDArray[np.uint8], trimap: NDArray[np.uint8], height: int, width: int) -> None:
    """Check that a picture is of bytes, and of the size that a file takes.

    Raises:
        UsageError: if it is not: graphs have one fixed size, and normalise values of 0 to 255 themselves.
    """
    for name, array in (("image", image), ("trimap", trimap)):
        if array.dtype != np.uint8:
            raise UsageError(f"Expected uint8, 0 to 255; the {name} is {array.dtype}. Graphs normalise by themselves.")
    if image.shape != (height, width, 3) or trimap.shape != (height, width):
        found = " and ".join("x".join(map(str, array.shape)) for array in (image, trimap))
        raise UsageError(
            f"Expected an image of {height}x{width}x3 and a trimap of {height}x{width}, the size that the file was "
            f"made for; got {found}. Fit the picture, or cut it into tiles as `pam-edge matte` does."
        )


WITHOUT_CHOOSING = "convert with --mode multi, which needs no control flow"
WITHOUT_A_PROBE = "import operator profiles of static graphs (`pam-edge profile operators`)"


@contextmanager
def control_flow(otherwise: str = WITHOUT_CHOOSING) -> Iterator[None]:
    """Say what to do where a runtime does not load a graph that chooses: older ones know no conditionals.

    Args:
        otherwise: what needs no control flow.

    Raises:
        ArtifactError: the one raised inside, with the way out.
    """
    try:
        yield
    except ArtifactError as error:
        raise ArtifactError(
            f"{error} If the file is whole: it chooses its path inside, which a runtime older than the one it was made "
            f"for may not take. Update the runtime, or {otherwise}."
        ) from error
