"""Batches of crops: deterministic by number, composed in worker processes, split among ranks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pam_edge.learning.camera import develop, stack_settings
from pam_edge.learning.composition import Composer, Crop

CPU = torch.device("cpu")


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


@dataclass(frozen=True, slots=True)
class Layers:
    """What a batch is made of, before the camera.

    Attributes:
        front: uint8[N, 4, S, S], RGBA, straight, channels-last in memory.
        back: uint8[N, 3, S, S], RGB, channels-last in memory.
        trimap: uint8[N, 1, S, S].
        settings: float32[N, P], see camera.py; always on the CPU.
    """

    front: Tensor
    back: Tensor
    trimap: Tensor
    settings: Tensor

    def to(self, device: torch.device) -> Layers:
        """Return the layers with their pictures on a device."""
        front, back, trimap = (part.to(device, non_blocking=True) for part in (self.front, self.back, self.trimap))
        return Layers(front, back, trimap, self.settings)


def stack(crops: Sequence[Crop]) -> Layers:
    """Stack crops of one size."""
    front, back = (
        torch.from_numpy(np.stack([getattr(crop, name) for crop in crops])).permute(0, 3, 1, 2)
        for name in ("front", "back")
    )
    trimap = torch.from_numpy(np.stack([crop.trimap for crop in crops]))[:, None]
    return Layers(front, back, trimap, stack_settings([crop.settings for crop in crops]))


@torch.no_grad()
def finish_batch(layers: Layers) -> Batch:
    """Compose layers and do what cameras do, where the layers are."""
    # Planes one after the other: sums over channels are then sums of planes.
    front, back = (layer.contiguous().float() / 255 for layer in (layers.front, layers.back))
    image, contrast = develop(front, back, layers.settings)
    trimap = layers.trimap.float()
    channels_last = image.contiguous(memory_format=torch.channels_last)
    return Batch(channels_last, trimap, front[:, 3:].contiguous(), (trimap == 128).float(), contrast)


def collate(crops: Sequence[Crop]) -> Batch:
    """Make a batch of crops of one size."""
    return finish_batch(stack(crops))


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
    def __init__(self, composer: Composer, plan: BatchPlan, whole: bool) -> None:
        self.composer = composer
        self.plan = plan
        self.whole = whole

    def __len__(self) -> int:
        return self.plan.steps

    def __getitem__(self, step: int) -> list[Tensor]:
        # OpenCV's and torch's own threads would fight with the other workers and the training process.
        cv2.setNumThreads(0)
        layers = stack([self.composer.make(number, self.plan.size) for number in self.plan.numbers(step)])
        if not self.whole:
            return [getattr(layers, name) for name in Layers.__slots__]
        batch = finish_batch(layers)
        return [getattr(batch, name) for name in Batch.__slots__]


def iterate(composer: Composer, plan: BatchPlan, workers: int, device: torch.device = CPU) -> Iterator[Batch]:
    """Yield the plan's batches in order, on a device.

    Workers do everything where the network trains on the CPU. Another device composes by itself, faster than they
    could; they hand it layers, which are also smaller.
    """
    whole = device.type == "cpu"
    loader = DataLoader(
        _Batches(composer, plan, whole),
        batch_size=None,
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        prefetch_factor=4 if workers else None,
        pin_memory=not whole,
        # A generator of its own: otherwise starting an epoch draws from the global one and a resumed run would differ.
        generator=torch.Generator().manual_seed(0),
    )
    for tensors in loader:
        # Stacking in a worker's shared memory keeps a tensor's strides, and so channels-last.
        yield Batch(*tensors) if whole else finish_batch(Layers(*tensors).to(device))
