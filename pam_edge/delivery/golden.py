"""Golden vectors: inputs and expected alphas, so that a device can test itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.delivery.manifest import GoldenRecord
from pam_edge.errors import UsageError
from pam_edge.evaluation.pictures import Picture

GOLDEN = "golden"

ExpectedAlpha = Callable[[str, Picture], NDArray[np.float32]]
"""Returns what an entry point, by name, should give for a picture: alpha float32[H, W]."""


def write_golden(
    directory: Path, pictures: tuple[Picture, ...], names: Sequence[str], expected: ExpectedAlpha
) -> tuple[GoldenRecord, ...]:
    """Write golden vectors into ``directory/golden``.

    Inputs are PNG (lossless). Expected alphas are the supernet's, raw little-endian float32, rows from the top, so
    that any platform reads them without a library.

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
        alphas = {name: f"{GOLDEN}/{name}.{picture.name}.alpha.f32" for name in names}
        for name in names:
            (directory / alphas[name]).write_bytes(expected(name, picture).astype("<f4").tobytes())
        records.append(GoldenRecord(picture=picture.name, image=image, trimap=trimap, alphas=alphas))
    return tuple(records)


def read_alpha(file: Path, height: int, width: int) -> NDArray[np.float32]:
    """Read a raw alpha float32[H, W] as ``write_golden`` writes it.

    Raises:
        UsageError: if the file does not hold height x width numbers.
    """
    data = file.read_bytes()
    if len(data) != 4 * height * width:
        raise UsageError(
            f"{file}: expected {height}x{width} float32 values ({4 * height * width} bytes), found {len(data)} bytes."
        )
    return np.frombuffer(data, "<f4").reshape(height, width).astype(np.float32)
