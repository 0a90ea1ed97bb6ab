"""Diagnostic pictures: what the network was given and what it made of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pam_edge.learning.batches import Batch


def contact_sheet(batch: Batch, alpha: torch.Tensor, rows: int = 6) -> NDArray[np.uint8]:
    """Return uint8[H, W, 3] RGB: rows of image, trimap, predicted and true alpha, and 4 x their difference."""
    lines = []
    for index in range(min(rows, len(batch))):
        shown = (batch.image, batch.trimap, alpha, batch.alpha)
        image, trimap, found, true = (tensor[index].cpu() for tensor in shown)
        grey = [trimap, found * 255, true * 255, (found - true).abs() * 4 * 255]
        panels = [image.permute(1, 2, 0).numpy(), *(np.repeat(panel[0].numpy()[..., None], 3, 2) for panel in grey)]
        lines.append(np.hstack(panels))
    return np.asarray(np.clip(np.vstack(lines), 0, 255), np.uint8)


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write an RGB picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
