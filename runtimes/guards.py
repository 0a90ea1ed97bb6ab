"""What every runtime checks in the same words: files, pictures, and whether it knows control flow at all."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError, UsageError
from pam_edge.matting.arrays import check_uint8
from pam_edge.runtimes.base import LastFrame, TensorNames
from pam_edge.terms import NO_PREVIOUS, NO_PREVIOUS_BLOCK, PREVIOUS, PREVIOUS_PATH

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


def check_bytes(name: str, array: NDArray[np.uint8], shape: tuple[int | None, ...]) -> None:
    """Check that a picture is of bytes, and of the size that a file takes.

    Raises:
        UsageError: if it is not: graphs have one fixed size, and normalise values of 0 to 255 themselves.
    """
    check_uint8(name, array)
    if array.shape != shape:
        wanted, found = ("x".join(map(str, each)) for each in (shape, array.shape))
        raise UsageError(
            f"Expected the {name} at {wanted}, the size that the file was made for; got {found}. Fit the picture, or "
            "cut it into tiles as `pam-edge matte` does."
        )


def last_inputs(
    names: TensorNames, last: LastFrame | None, height: int, width: int, blocks: int
) -> dict[str, NDArray[np.float32]]:
    """Return what a live graph takes of the last frame, ``previous`` float32[H, W] and ``previous_path`` float32[L].

    Nothing for graphs that are not live. Without a last frame: what stands for none.

    Args:
        names: of the entry point's inputs.
        last: None for the first frame.
        height: of the image.
        width: likewise.
        blocks: of the path; 0 of a graph that does not choose.

    Raises:
        UsageError: if it does not fit the graph, or holds something that is not a number: runtimes differ in what they
            make of that.
    """
    if not names.is_live:
        if last is not None:
            raise UsageError("Expected no last frame: this graph takes pictures, not video. Leave it out.")
        return {}
    if last is not None and not isinstance(last, LastFrame):
        raise UsageError(f"Expected the last frame as `matte.as_last` gives it; got {type(last).__name__}. Use that.")
    wanted: dict[str, NDArray[np.float32] | None] = {PREVIOUS: None if last is None else last.alpha}
    stand_ins: dict[str, NDArray[np.float32]] = {PREVIOUS: np.full((height, width), NO_PREVIOUS, np.float32)}
    if blocks:
        wanted[PREVIOUS_PATH] = None if last is None else last.path
        stand_ins[PREVIOUS_PATH] = np.full(blocks, NO_PREVIOUS_BLOCK, np.float32)
    if last is not None:
        _check_last(wanted, stand_ins)
    return {name: stand_ins[name] if value is None else value for name, value in wanted.items()}


def _check_last(given: dict[str, NDArray[np.float32] | None], like: dict[str, NDArray[np.float32]]) -> None:
    for name, value in given.items():
        fits = value is not None and value.shape == like[name].shape and value.dtype == np.float32
        if value is None or not fits or not np.isfinite(value).all():
            found = "nothing" if value is None else f"{value.dtype}{list(value.shape)}"
            raise UsageError(
                f"Expected {name} as float32{list(like[name].shape)} of numbers, as the graph gave it for the last "
                f"frame; got {found}{' with NaN or infinity' if fits else ''}. Leave it out for a first frame."
            )


def check_names(file: Path, entry_point: str, expected: Collection[str], found: Collection[str]) -> None:
    """Check that an entry point takes, or gives, what it should.

    Raises:
        ArtifactError: if it does not.
    """
    if set(expected) != set(found):
        raise ArtifactError(
            f"Expected {entry_point!r} of {file} to have {', '.join(expected)}; found {', '.join(found)}. File and "
            "manifest do not belong together: convert again."
        )


_WITHOUT = {
    "budget": "convert in mode multi, which needs no control flow",
    "path": "import operator profiles of static graphs (`pam-edge profile operators`)",
}
"""What needs no control flow, by the input that steers a graph which does."""


@contextmanager
def control_flow(control: str | None = "budget") -> Iterator[None]:
    """Say what to do where a runtime does not load a graph that chooses: older ones know no conditionals.

    Args:
        control: the input that steers it; None of a graph that does not choose.

    Raises:
        ArtifactError: the one raised inside, with the way out.
    """
    try:
        yield
    except ArtifactError as error:
        if control is None:
            raise
        raise ArtifactError(
            f"{error} If the file is whole: it chooses its path inside, which a runtime older than the one it was made "
            f"for may not take. Update the runtime, or {_WITHOUT[control]}."
        ) from error
