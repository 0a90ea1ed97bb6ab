"""Golden vectors: inputs and expected alphas, so that a device can test itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.delivery.artifact.manifest import GoldenPathRecord, GoldenRecord
from pam_edge.delivery.parity.expected import ExpectedMatte
from pam_edge.errors import UsageError
from pam_edge.evaluation.pictures import Picture

GOLDEN = "golden"

Expected = Callable[[str, Picture], ExpectedMatte]
"""Returns what an entry point, by name, should give for a picture."""


def write_golden(
    directory: Path, pictures: tuple[Picture, ...], names: Sequence[str], expected: Expected
) -> tuple[GoldenRecord, ...]:
    """Write golden vectors into ``directory/golden``.

    Inputs are PNG (lossless). Expected alphas are the supernet's, raw little-endian float32, rows from the top, so
    that any platform reads them without a library; so are the paths that a dynamic graph should choose.

    Args:
        directory: the artifact folder.
        pictures: at the model's size.
        names: of the entry points.
        expected: what the supernet computes.
    """
    folder = directory / GOLDEN
    folder.mkdir()
    records = []
    for picture in pictures:
        image, trimap = f"{GOLDEN}/{picture.name}.image.png", f"{GOLDEN}/{picture.name}.trimap.png"
        cv2.imwrite(str(directory / image), cv2.cvtColor(picture.image, cv2.COLOR_RGB2BGR))
        cv2.imwrite(str(directory / trimap), picture.trimap)
        alphas, paths = {}, {}
        for name in names:
            matte = expected(name, picture)
            alphas[name] = f"{GOLDEN}/{name}.{picture.name}.alpha.f32"
            _write(directory / alphas[name], matte.alpha)
            if matte.path is not None:
                file = f"{GOLDEN}/{name}.{picture.name}.path.f32"
                _write(directory / file, np.array(matte.path.runs))
                paths[name] = GoldenPathRecord(file=file, margins=matte.margins)
        records.append(GoldenRecord(picture=picture.name, image=image, trimap=trimap, alphas=alphas, paths=paths))
    return tuple(records)


def _write(file: Path, values: NDArray[Any]) -> None:
    file.write_bytes(values.astype("<f4").tobytes())


def read_values(file: Path, *shape: int) -> NDArray[np.float32]:
    """Read raw float32 values as ``write_golden`` writes them.

    Raises:
        UsageError: if the file does not hold as many as the shape has.
    """
    data, size = file.read_bytes(), 4 * math.prod(shape)
    if len(data) != size:
        expected = "x".join(map(str, shape))
        raise UsageError(f"{file}: expected {expected} float32 values ({size} bytes), found {len(data)} bytes.")
    return np.frombuffer(data, "<f4").reshape(shape).astype(np.float32)
