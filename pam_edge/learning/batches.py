"""Batches of crops: deterministic by number, composed in worker processes, split among ranks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pam_edge.learning.composition import Composer, Crop


@dataclass(frozen=True, slots=True)
class Batch:
    """Crops of one step.

    Attributes:
        image: float32[N, 3, S, S], RGB, 0..255, channels-last in memory.
        trimap: float32[N, 1, S, S], 0, 128 or 255.
        alpha: float32[N, 1, S, S], 0..1.
        unknown: float32[N, 1, S, S], 1 where the trimap says unknown.
        contrast: float32[N, 1, S, S], mean |F - B| in 0..1.
    """

    image: Tensor
    trimap: Tensor
    alpha: Tensor
    unknown: Tensor
    contrast: Tensor

    def __len__(self) -> int:
        return len(self.image)

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        if self.image.device == device:
            return self
        return Batch(*(getattr(self, name).to(device, non_blocking=True) for name in self.__slots__))


def collate(crops: list[Crop]) -> Batch:
    """Stack crops of one size into a batch."""
    image = torch.from_numpy(np.stack([crop.image for crop in crops])).permute(0, 3, 1, 2).float()
    trimap, alpha, contrast = (
        torch.from_numpy(np.stack([getattr(crop, name) for crop in crops]))[:, None].float()
        for name in ("trimap", "alpha", "contrast")
    )
    return Batch(image, trimap, alpha, (trimap == 128).float(), contrast)


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """Which crops make up which step, for one process among several.

    Step ``s`` of a plan uses crops ``first + s * batch`` up to the next step's first; rank ``r`` of ``world`` takes the
    r-th contiguous part of them, so that any number of processes sees the same crops.
    """

    first: int
    steps: int
    batch: int
    size: int
    rank: int = 0
    world: int = 1

    def numbers(self, step: int) -> range:
        """Return the crop numbers of this process at a step."""
        part = self.batch // self.world
        start = self.first + step * self.batch + self.rank * part
        return range(start, start + part)


class _Batches(Dataset[list[Tensor]]):
    def __init__(self, composer: Composer, plan: BatchPlan) -> None:
        self.composer = composer
        self.plan = plan

    def __len__(self) -> int:
        return self.plan.steps

    def __getitem__(self, step: int) -> list[Tensor]:
        # OpenCV's and torch's own threads would fight with the other workers and the training process.
        cv2.setNumThreads(0)
        batch = collate([self.composer.make(number, self.plan.size) for number in self.plan.numbers(step)])
        return [batch.image, batch.trimap, batch.alpha, batch.unknown, batch.contrast]


def iterate(composer: Composer, plan: BatchPlan, workers: int) -> Iterator[Batch]:
    """Yield the plan's batches in order."""
    loader = DataLoader(
        _Batches(composer, plan),
        batch_size=None,
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        prefetch_factor=4 if workers else None,
        # A generator of its own: otherwise starting an epoch draws from the global one and a resumed run would differ.
        generator=torch.Generator().manual_seed(0),
    )
    for tensors in loader:
        image, *rest = tensors
        yield Batch(image.contiguous(memory_format=torch.channels_last), *rest)
