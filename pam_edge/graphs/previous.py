"""What the last frame's alpha tells of this one's: where a mask is not to be trusted, and which changes are noise."""

from __future__ import annotations

import torch
from torch import Tensor

from pam_edge.supernet.network import BACKGROUND_BELOW, FOREGROUND_FROM, reaches

CLEAR_BELOW, SOLID_FROM = 4, 252
"""Greys that agree with a mask's background and foreground. Stricter than a mask's own limits: what the last frame left
slightly soft is where masks flicker."""

TILE = 16
"""Changes are told apart by squares of so many pixels a side."""

NOISE = 0.05
"""A change of alpha up to this is noise where nothing nearby changes by more than ``CALM_BELOW``."""

CALM_BELOW, MOVING_FROM = 0.075, 0.15
"""Largest change in a square: up to the first it is still, from the second on it moves, in between a bit of both."""


def doubt(trimap: Tensor, previous: Tensor) -> Tensor:
    """Return the trimap, unknown also where the last frame's alpha is soft or on the other side.

    Args:
        trimap: float32[1, 1, H, W] of exact 0, 128 and 255.
        previous: float32[1, 1, H, W], 0..1, or below 0 where there is none. Rounded to whole greys.

    Returns:
        float32[1, 1, H, W] of exact 0, 128 and 255.
    """
    # Half a grey more, so that no alpha of eight bits lies near a threshold, whatever a device rounds to.
    greys = previous * 255.0 + 0.5
    agrees = 1.0 - reaches(greys, 0.0) + reaches(greys, SOLID_FROM)
    foreground = reaches(trimap, FOREGROUND_FROM) * agrees
    not_background = torch.maximum(reaches(trimap, BACKGROUND_BELOW), reaches(greys, CLEAR_BELOW))
    return 127.0 * foreground + 128.0 * not_background


def damp(alpha: Tensor, previous: Tensor) -> Tensor:
    """Return alpha without the noise of its changes: where a square is still, nearer to the last frame's by ``NOISE``.

    Continuous in both, so that another arithmetic changes it no more than its inputs.

    Args:
        alpha: float32[1, 1, H, W], 0..1; H and W multiples of 16.
        previous: float32[1, 1, H, W], 0..1, or below 0 where there is none: nothing is damped there.
    """
    _, _, height, width = alpha.shape
    tiles = (height // TILE, TILE, width // TILE, TILE)
    change = (alpha - previous).reshape(tiles)
    largest = _largest(torch.maximum(change, -change))
    # Not a clamp to 1 that is scaled then: LiteRT has an operator of its own for that, which XNNPACK does not take.
    reach = torch.clamp((MOVING_FROM - largest) * (NOISE / (MOVING_FROM - CALM_BELOW)), 0.0, NOISE)
    noise = torch.maximum(torch.minimum(change, reach), -reach)
    return alpha - noise.reshape(alpha.shape)


def _largest(tiles: Tensor) -> Tensor:
    """Return each square's maximum: float32[h, 16, w, 16] to float32[h, 1, w, 1], by halves, as delegates take it."""
    side = TILE
    while side > 1:
        side //= 2
        tiles = torch.maximum(tiles[:, :side], tiles[:, side:])
    side = TILE
    while side > 1:
        side //= 2
        tiles = torch.maximum(tiles[..., :side], tiles[..., side:])
    return tiles
