"""Ranges of features, from pictures: those in which eight bits hold them with the least squared error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pam_edge.evaluation.parity import to_tensors
from pam_edge.evaluation.pictures import Picture
from pam_edge.quantisation.equalise import equalise
from pam_edge.quantisation.network import INPUT, Change, change, unchanged
from pam_edge.supernet.network import IMAGE_MEAN, IMAGE_STD, Supernet
from pam_edge.supernet.path import PathSpec

Range = tuple[float, float]
Ranges = Mapping[str, Range]

_BINS = 2048
_LEVELS = 255
_SHRINKS = np.linspace(1.0, 0.5, 21)
"""How far each end of a range is tried to be drawn in: what lies beyond is clipped, all else is finer.

At most by half: a picture of another kind may need what few pixels of these do.
"""


class _Watch(nn.Module):
    """Notes the range of what passes, and in a second pass how it is spread in there."""

    def __init__(self) -> None:
        super().__init__()
        self.low = self.high = 0.0
        self.is_second = self.is_reached = False
        self.counts = np.zeros(_BINS)

    def forward(self, x: Tensor) -> Tensor:
        if not self.is_second:
            self.low, self.high = min(self.low, float(x.min())), max(self.high, float(x.max()))
        elif self.high > self.low:
            self.counts += torch.histc(x, _BINS, self.low, self.high).double().numpy()
        self.is_reached = True
        return x


def input_range() -> Range:
    """Return the range of what the stem takes, which is known: bytes, normalised, and zeros and ones."""
    lows = [(0.0 - mean) / std for mean, std in zip(IMAGE_MEAN, IMAGE_STD, strict=True)]
    highs = [(255.0 - mean) / std for mean, std in zip(IMAGE_MEAN, IMAGE_STD, strict=True)]
    return min(lows), max(highs)


def find_ranges(supernet: Supernet, paths: Sequence[PathSpec], pictures: Sequence[Picture]) -> dict[str, Range]:
    """Return the range in which eight bits hold each site's features with the least squared error, by site.

    Features are those of the equalised network, as ``quantise`` computes them.

    Args:
        supernet: in evaluation mode, float32.
        paths: that together run every layer whose ranges are wanted; features differ from path to path.
        pictures: each is run along each path.
    """
    watches: dict[str, _Watch] = {}

    def watch(site: str) -> nn.Module:
        return watches.setdefault(site, _Watch())

    watched = change(equalise(supernet), lambda _: Change(unchanged, watch, unchanged))
    for turn in range(2):
        for each in watches.values():
            each.is_second = turn == 1
        with torch.no_grad():
            for picture in pictures:
                for path in paths:
                    watched(*to_tensors(picture), path=path)
    return {site: _best_range(each) for site, each in watches.items() if each.is_reached} | {INPUT: input_range()}


def _best_range(watch: _Watch) -> Range:
    width = (watch.high - watch.low) / _BINS
    values = watch.low + (np.arange(_BINS, dtype=np.float64) + 0.5) * width
    lows, highs = (sorted({float(end * shrink) for shrink in _SHRINKS}) for end in (watch.low, watch.high))
    return min(product(lows, highs), key=lambda each: _error(values, watch.counts, *each))


def _error(values: NDArray[np.float64], counts: NDArray[np.float64], low: float, high: float) -> float:
    """Return the squared error of values so often each, with a step's own rounding as its expectation."""
    step = (high - low) / _LEVELS
    beyond = values - values.clip(low, high)
    inside = beyond == 0.0
    return float((counts * beyond**2).sum() + (counts * inside).sum() * step**2 / 12)
