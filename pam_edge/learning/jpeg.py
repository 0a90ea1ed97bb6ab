"""What JPEG loses, computed on whole batches: colour transform, halved chroma, quantised cosine coefficients.

The tables are those of ITU-T T.81, annex K, scaled by quality as the Independent JPEG Group's library does.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

_TABLES = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62 "
    "18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99",
    "17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66 99 99 99 99 99 99 " + "99 " * 32,
)
_TO_YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def compress(picture: Tensor, quality: Tensor, *, halved: bool) -> Tensor:
    """Return pictures as JPEG files give them back.

    Args:
        picture: float32[N, 3, S, S], RGB, 0..1; S a multiple of 16.
        quality: float32[N], 1 to 100.
        halved: whether chroma has half the resolution (4:2:0).

    Returns:
        float32[N, 3, S, S], 0..1.
    """
    forth, back, luminance, chrominance = _constants(picture.device)
    planes = torch.einsum("ij,njhw->nihw", forth, picture * 255)
    light, chroma = planes[:, :1] - 128, planes[:, 1:]
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    light = _quantise(light, luminance, scale) + 128
    if halved:
        small = _quantise(functional.avg_pool2d(chroma, 2), chrominance, scale)
        chroma = functional.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)
    else:
        chroma = _quantise(chroma, chrominance, scale)
    return (torch.einsum("ij,njhw->nihw", back, torch.cat([light, chroma], 1)) / 255).clamp(0, 1)


def _quantise(plane: Tensor, table: Tensor, scale: Tensor) -> Tensor:
    """Round the cosine coefficients of 8x8 blocks to multiples of the scaled table."""
    n, channels, height, width = plane.shape
    cosine = _cosines(plane.device)
    blocks = plane.reshape(n, channels, height // 8, 8, width // 8, 8).transpose(3, 4)
    steps = (table * scale[:, None, None]).round().clamp(1, 255)[:, None, None, None]
    found = torch.round(cosine @ blocks @ cosine.T / steps) * steps
    return (cosine.T @ found @ cosine).transpose(3, 4).reshape(n, channels, height, width)


@cache
def _cosines(device: torch.device) -> Tensor:
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    matrix = torch.cos((2 * columns + 1) * rows * torch.pi / 16) / 2
    matrix[0] /= 2**0.5
    return matrix.to(device)


@cache
def _constants(device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the colour transform, its inverse and the two tables."""
    forth = torch.tensor(_TO_YCBCR)
    tables = (torch.tensor([float(value) for value in table.split()]).view(8, 8).to(device) for table in _TABLES)
    light, chroma = tables
    return forth.to(device), torch.linalg.inv(forth).to(device), light, chroma
