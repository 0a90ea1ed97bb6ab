"""Golden vectors: inputs and what is expected for them, so that a device can test itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.delivery.artifact.manifest import EntryPointRecord, GoldenPathRecord, GoldenRecord, Manifest
from pam_edge.errors import ArtifactError, UsageError
from pam_edge.evaluation.pictures import Picture
from pam_edge.matting.images import read_trimap
from pam_edge.matting.trimaps import UNKNOWN
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Result

GOLDEN = "golden"


@dataclass(frozen=True, slots=True)
class ExpectedMatte:
    """What an entry point should give for a picture.

    Attributes:
        alpha: float32[H, W].
        path: that should be taken.
        margins: per block, by how much its gate prefers to run; None where the governor left it no choice. Empty where
            the path is fixed.
        foreground: float32[H, W, 3], 0..255, of a cut-out; None of all others.
    """

    alpha: NDArray[np.float32]
    path: PathSpec
    margins: tuple[float | None, ...]
    foreground: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class GoldenVector:
    """What one entry point should give for one picture, read from its files.

    Attributes:
        picture: its name.
        trimap: uint8[H, W] of 0, 128 and 255, with unknown pixels.
        expected: alpha, and path and margins.
        alpha_file: name of the file that holds alpha, under which a device saves its own.
        path_file: the same of the path that a graph should choose; None where the path is fixed.
        foreground_file: the same of a cut-out's colours; None of all others.
    """

    picture: str
    trimap: NDArray[np.uint8]
    expected: ExpectedMatte
    alpha_file: str
    path_file: str | None
    foreground_file: str | None


Expected = Callable[[EntryPointRecord, Picture], ExpectedMatte]
"""Returns what an entry point should give for a picture."""


def write_golden(
    directory: Path,
    pictures: tuple[Picture, ...],
    entries: Sequence[EntryPointRecord],
    expected: Expected,
    *,
    sized: bool,
) -> tuple[GoldenRecord, ...]:
    """Write golden vectors into ``directory/golden``.

    Inputs are PNG (lossless). Expected alphas are the supernet's, raw little-endian float32, rows from the top, so
    that any platform reads them without a library; so are the paths that a dynamic graph should choose.

    Args:
        directory: the artifact folder.
        pictures: at the model's size.
        entries: of the artifact, of that size.
        expected: what the supernet computes.
        sized: whether the artifact has several sizes, so that names tell them.
    """
    folder = directory / GOLDEN
    folder.mkdir(exist_ok=True)
    records = []
    for picture in pictures:
        height, width = picture.trimap.shape
        base = f"{GOLDEN}/{picture.name}" + (f"_{height}x{width}" if sized else "")
        image, trimap = f"{base}.image.png", f"{base}.trimap.png"
        cv2.imwrite(str(directory / image), cv2.cvtColor(picture.image, cv2.COLOR_RGB2BGR))
        cv2.imwrite(str(directory / trimap), picture.trimap)
        mask = None
        if picture.mask is not None:
            mask = f"{base}.mask.png"
            cv2.imwrite(str(directory / mask), picture.mask)
        last, previous = picture.last, None
        if last is not None:
            previous = f"{base}.previous.f32"
            _write(directory / previous, last.alpha)
        chooses = any(entry.path is None for entry in entries)
        bits = last.path if last is not None and chooses else None
        alphas, foregrounds, paths = {}, {}, {}
        for entry in entries:
            matte = expected(entry, picture)
            alphas[entry.name] = f"{GOLDEN}/{entry.name}.{picture.name}.alpha.f32"
            _write(directory / alphas[entry.name], matte.alpha)
            if matte.foreground is not None:
                foregrounds[entry.name] = f"{GOLDEN}/{entry.name}.{picture.name}.foreground.f32"
                _write(directory / foregrounds[entry.name], matte.foreground)
            if matte.margins:
                file = f"{GOLDEN}/{entry.name}.{picture.name}.path.f32"
                _write(directory / file, np.array(matte.path.runs))
                paths[entry.name] = GoldenPathRecord(file=file, margins=matte.margins)
        records.append(
            GoldenRecord(
                picture=picture.name,
                height=height,
                width=width,
                image=image,
                trimap=trimap,
                mask=mask,
                previous=previous,
                previous_path=None if bits is None else "".join("1" if runs else "0" for runs in bits),
                alphas=alphas,
                foregrounds=foregrounds,
                paths=paths,
            )
        )
    return tuple(records)


def _write(file: Path, values: NDArray[Any]) -> None:
    file.write_bytes(values.astype("<f4").tobytes())


def read_golden(directory: Path, manifest: Manifest, golden: GoldenRecord, entry: EntryPointRecord) -> GoldenVector:
    """Read what an entry point should give for one picture.

    Raises:
        ArtifactError: if it is not there or damaged.
    """
    chosen = golden.paths.get(entry.name)
    colours, wants_colours = golden.foregrounds.get(entry.name), entry.ends.result is Result.CUTOUT
    known = entry.name in golden.alphas and (colours is not None) == wants_colours
    if not known or (chosen is None) != (entry.path is not None):
        raise ArtifactError(f"Expected {entry.name} among the golden vectors of {directory}; it is not. Convert again.")
    size = entry.size
    try:
        trimap = read_trimap(directory / golden.trimap, *size)
        alpha = read_values(directory / golden.alphas[entry.name], *size)
        path = read_path(directory / chosen.file, manifest.block_count) if chosen else PathSpec.parse(entry.path or "")
        foreground = read_values(directory / colours, *size, 3) if colours else None
    except UsageError as error:
        raise ArtifactError(f"The golden vectors of {directory} are damaged: {error}") from error
    margins = chosen.margins if chosen else ()
    finite = all(np.isfinite(values).all() for values in (alpha, foreground) if values is not None)
    if path is None or len(margins) not in (0, len(path)) or not finite or not (trimap == UNKNOWN).any():
        raise ArtifactError(
            f"The golden vectors of {directory} are damaged: expected outputs of numbers, a path of 0 and 1, a margin "
            f"for each of its blocks and unknown pixels for {golden.picture}; one of them is not so. Copy it again."
        )
    path_file = Path(chosen.file).name if chosen else None
    expected = ExpectedMatte(alpha, path, margins, foreground)
    names = Path(golden.alphas[entry.name]).name, path_file, Path(colours).name if colours else None
    return GoldenVector(golden.picture, trimap, expected, *names)


def read_values(file: Path, *shape: int) -> NDArray[np.float32]:
    """Read raw float32 values as ``write_golden`` writes them.

    Raises:
        UsageError: if the file cannot be read or does not hold as many as the shape has.
    """
    expected, size = "x".join(map(str, shape)), 4 * math.prod(shape)
    try:
        found = file.stat().st_size
        data = file.read_bytes() if found == size else b""
    except OSError as error:
        raise UsageError(
            f"Expected {expected} float32 values in {file}; it cannot be read: {error.strerror}. Copy the folder again."
        ) from error
    if len(data) != size:
        raise UsageError(
            f"{file}: expected {expected} float32 values ({size} bytes), found {found} bytes. Save them raw and "
            "little-endian, as golden/ holds them, or copy the folder again."
        )
    return np.frombuffer(data, "<f4").reshape(shape).astype(np.float32)


def read_path(file: Path, blocks: int) -> PathSpec | None:
    """Read a path as ``write_golden`` writes it; None if it holds anything but 0 and 1.

    Raises:
        UsageError: as ``read_values``.
    """
    values = read_values(file, blocks)
    return PathSpec(tuple(bool(value) for value in values)) if np.isin(values, (0, 1)).all() else None
