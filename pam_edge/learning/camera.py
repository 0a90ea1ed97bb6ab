"""What light and cameras make of a cut-out over a background, for a whole batch, on the device that trains.

Colours are changed, layers composed, in linear light some of the time, and the picture gets noise, sharpening and
JPEG's losses. What is done to a crop is drawn with it: it looks alike on every device and in every batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pam_edge.learning.config import DataConfig
from pam_edge.learning.jpeg import compress

_GAMMA = 2.2
_NOISE_VALUES = 1 << 21


FRONT_TONE, BACK_TONE, PICTURE_TONE = slice(0, 7), slice(7, 14), slice(14, 21)
"""Exponent, contrast, brightness, saturation and a gain per channel of the subject, the background and the picture."""

MATCH, LINEAR, GRAIN, COARSE, NOISE_AT, SHARPEN, QUALITY, SUBSAMPLED = range(21, 29)
"""How far the background takes on the subject's colours, 0 to 1; whether composed in linear light; the noise's standard
deviation in grey levels, whether it is blurred, as by a camera's filters, and where in the store of noise it begins;
how much of the difference to a blurred picture is added; JPEG's quality, 1 to 100, or 0 for none; whether chroma is
halved."""

SETTINGS = 29
"""What happens to one crop's colours is float32[29], in the places above."""


def draw_settings(rng: np.random.Generator, config: DataConfig) -> NDArray[np.float32]:
    """Draw what happens to one crop: float32[29]."""
    drawn = np.zeros(SETTINGS, np.float32)
    drawn[FRONT_TONE] = _draw_tone(rng, 1.0)
    drawn[BACK_TONE] = _draw_tone(rng, 1.0)
    drawn[PICTURE_TONE] = _draw_tone(rng, 0.5 if rng.random() < 0.5 else 0.0)
    drawn[MATCH] = rng.uniform(0.5, 1.0) * (rng.random() < config.matched_background)
    drawn[LINEAR] = rng.random() < config.linear_light
    drawn[GRAIN] = np.exp(rng.uniform(np.log(0.5), np.log(10.0))) * (rng.random() < 0.6)
    drawn[COARSE] = rng.random() < 0.4
    drawn[NOISE_AT] = rng.integers(_NOISE_VALUES)
    drawn[SHARPEN] = rng.uniform(0.2, 1.5) * (rng.random() < config.sharpened)
    drawn[QUALITY] = rng.integers(45, 97) * (rng.random() < config.compressed)
    drawn[SUBSAMPLED] = rng.random() < 0.75
    return drawn


def _draw_tone(rng: np.random.Generator, strength: float) -> NDArray[np.float64]:
    amounts = rng.uniform(-1.0, 1.0, 7) * strength
    exponent, contrast = np.exp(0.4 * amounts[0]), 1 + 0.2 * amounts[1]
    saturation = 1 + 0.5 * amounts[3] * (rng.random() < 0.5)
    gains = 1 + 0.1 * amounts[4:] * (rng.random() < 0.5)
    return np.array([exponent, contrast, 0.1 * amounts[2], saturation, *gains])


def develop(front: Tensor, back: Tensor, settings: Tensor) -> tuple[Tensor, Tensor]:
    """Compose layers into pictures.

    Args:
        front: float32[N, 4, S, S], RGBA, straight, 0..1.
        back: float32[N, 3, S, S], RGB, 0..1.
        settings: float32[N, 29], on the CPU, where decisions cost no waiting.

    Returns:
        The pictures, float32[N, 3, S, S], whole numbers 0..255; and the contrast, float32[N, 1, S, S]: mean of |F - B|
        over the channels, 0..1.
    """
    there = settings.to(front.device, non_blocking=True)
    colour, alpha = front[:, :3], front[:, 3:]
    colour = tone(colour, there[:, FRONT_TONE])
    back = tone(back, there[:, BACK_TONE])
    back = _on_chosen(back, settings[:, MATCH] > 0, _match_colours, colour, alpha, there[:, MATCH])
    picture = back + (colour - back) * alpha
    picture = _on_chosen(picture, settings[:, LINEAR] > 0, _compose_light, colour, alpha, back)
    toned = (settings[:, PICTURE_TONE] != torch.tensor([1.0, 1, 0, 1, 1, 1, 1])).any(1)
    picture = _on_chosen(picture, toned, tone, there[:, PICTURE_TONE])
    picture = _on_chosen(picture, settings[:, SHARPEN] > 0, _sharpen, there[:, SHARPEN])
    picture = _on_chosen(picture, settings[:, GRAIN] > 0, _add_grain, there)
    for halved in (False, True):
        chosen = (settings[:, QUALITY] > 0) & ((settings[:, SUBSAMPLED] > 0) == halved)
        picture = _on_chosen(picture, chosen, compress, there[:, QUALITY], halved=halved)
    contrast = (colour - back).abs().mean(1, keepdim=True)
    return (picture.clamp(0, 1) * 255).round_(), contrast


def _on_chosen(
    pictures: Tensor, chosen: Tensor, change: Callable[..., Tensor], *arguments: Tensor, **options: bool
) -> Tensor:
    """Apply a change to the chosen pictures of a batch; ``chosen`` is bool[N] on the CPU."""
    if not bool(chosen.any()):
        return pictures
    rows = chosen.nonzero()[:, 0].to(pictures.device, non_blocking=True)
    changed = change(pictures[rows], *(argument[rows] for argument in arguments), **options)
    return pictures.index_copy(0, rows, changed)


def tone(colour: Tensor, amounts: Tensor) -> Tensor:
    """Change exponent, contrast, brightness, saturation and gains: float32[N, 3, S, S] in 0..1 by float32[N, 7]."""
    exponent, contrast, brightness, saturation = amounts[:, :4, None, None, None].unbind(1)
    toned = ((colour.clamp(1e-4, 1) ** exponent - 0.5) * contrast + 0.5 + brightness).clamp_(0, 1)
    grey = toned.mean(1, keepdim=True)
    toned = (grey + (toned - grey) * saturation) * amounts[:, 4:, None, None]
    return toned.clamp_(0, 1)


def _match_colours(back: Tensor, colour: Tensor, alpha: Tensor, amount: Tensor) -> Tensor:
    """Move the background's mean colour to the subject's, and flatten it a little."""
    share = amount[:, None, None, None]
    weight = alpha / alpha.sum((2, 3), keepdim=True).clamp_min(1e-3)
    subject, behind = (colour * weight).sum((2, 3), keepdim=True), back.mean((2, 3), keepdim=True)
    moved = behind + (subject - behind) * share + (back - behind) * (1 - 0.5 * share)
    return moved.clamp(0, 1)


def _compose_light(_: Tensor, colour: Tensor, alpha: Tensor, back: Tensor) -> Tensor:
    bright, behind = colour.clamp_min(1e-4) ** _GAMMA, back.clamp_min(1e-4) ** _GAMMA
    return (behind + (bright - behind) * alpha).clamp_min(1e-6) ** (1 / _GAMMA)


def blur(picture: Tensor) -> Tensor:
    """Average with the neighbours, 1 2 1 each way."""
    padded = functional.pad(picture, (1, 1, 1, 1), mode="replicate")
    rows = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 16


def _sharpen(picture: Tensor, amount: Tensor) -> Tensor:
    return (picture + amount[:, None, None, None] * (picture - blur(picture))).clamp(0, 1)


def _make_grain(settings: Tensor, like: Tensor) -> Tensor:
    """Return noise of standard deviation 1 for each crop: a stretch of the store, blurred if coarse."""
    starts = settings[:, NOISE_AT].long()
    reach = torch.arange(like[0].numel(), device=like.device)
    grain = _noise_store(like.device)[(starts[:, None] + reach) & (_NOISE_VALUES - 1)].view_as(like)
    # Blurred noise is fainter: 2 makes up for most of that.
    return torch.where(settings[:, COARSE, None, None, None] > 0, 2 * blur(grain), grain)


def _add_grain(picture: Tensor, settings: Tensor) -> Tensor:
    grain = _make_grain(settings, picture)
    return (picture + grain * settings[:, GRAIN, None, None, None] / 255).clamp(0, 1)


@cache
def _noise_store(device: torch.device) -> Tensor:
    """Return normally distributed values, always the same: a crop takes a stretch of them from a place of its own."""
    return torch.randn(_NOISE_VALUES, generator=torch.Generator().manual_seed(0)).to(device)


def stack_settings(settings: Sequence[NDArray[np.float32]]) -> Tensor:
    """Return float32[N, 29]."""
    return torch.from_numpy(np.stack(settings))
