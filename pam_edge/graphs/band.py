"""The unknown band around a mask's edge, inside the graph: ``matting.trimap_from_mask`` in operators that ship.

A pixel is unknown if something soft, or of the other side, lies within the band's reach of it. Reach is Euclidean, so
what is sought is a dilation by a disc: here the union of a few rectangles, each made of maxima of shifted rows, on
half the rows and columns. Pooling would do it in fewer operators, and cost ten times as much on a plane of one channel.
"""

from __future__ import annotations

from math import isqrt

import torch
from torch import Tensor, nn

from pam_edge.graphs.rows import double_rows, turn
from pam_edge.matting.trimaps import CLEAR_UP_TO, FOREGROUND, SOLID_FROM, UNKNOWN
from pam_edge.supernet.network import reaches


def unknown_band(mask: Tensor, reach_px: int) -> Tensor:
    """Return the trimap of a mask.

    It differs from ``trimap_from_mask`` by at most 1.5 pixels in where the band ends: cells of 2x2 pixels are unknown
    together. Clear are greys below 6, solid those from 250 on.

    Args:
        mask: float32[1, 1, H, W], 0 background to 255 foreground, hard or soft; H and W even.
        reach_px: how far the band reaches to each side of the mask's edge.

    Returns:
        float32[1, 1, H, W] of exact 0, 128 and 255.
    """
    solid = reaches(mask, SOLID_FROM)
    outside = torch.cat([reaches(mask, CLEAR_UP_TO + 1), 1.0 - solid], 1)
    cells = _halve_rows(turn(_halve_rows(outside)))
    near = _dilate(cells, reach_px)
    not_background, not_foreground = near[:, :1], near[:, 1:]
    foreground, unknown = float(FOREGROUND), float(UNKNOWN)
    return foreground - not_foreground * (foreground - unknown * not_background)


def disc_corners(reach_px: int) -> list[tuple[int, int]]:
    """Return the rectangles whose union are the offsets of cells that lie within reach.

    Args:
        reach_px: in pixels; cells are two pixels apart.

    Returns:
        Half heights and half widths in cells, heights ascending and widths descending.
    """
    corners: dict[int, int] = {}
    for down in range(reach_px // 2 + 1):
        corners[isqrt((reach_px * reach_px - 4 * down * down) // 4)] = down
    return [(down, across) for across, down in corners.items()]


def _dilate(cells: Tensor, reach_px: int) -> Tensor:
    """Dilate by a disc: float32[1, 2, w, h], turned, to float32[1, 2, H, W], each cell twice as high and wide.

    Wider rectangles grow from narrower ones, and what is reached further down takes the less high on its way.
    """
    corners = disc_corners(reach_px)
    grown, spread, across_so_far = cells, [], 0
    for down, across in reversed(corners):
        grown = _dilate_rows(grown, across - across_so_far)
        across_so_far = across
        spread.append((down, turn(double_rows(grown))))
    highest, result = spread[0]
    for down, each in spread[1:]:
        result = torch.maximum(_dilate_rows(result, highest - down), each)
        highest = down
    return double_rows(_dilate_rows(result, highest))


def _dilate_rows(x: Tensor, reach: int) -> Tensor:
    """Return each row's maximum with the rows up to ``reach`` above and below it; beyond the border is nothing."""
    if reach == 0:
        return x
    x = nn.functional.pad(x, (0, 0, reach, reach))
    joined, wanted = 1, 2 * reach + 1
    while joined < wanted:
        step = min(joined, wanted - joined)
        count = x.shape[2] - step
        x = torch.maximum(x[:, :, :count], x[:, :, step:])
        joined += step
    return x


def _halve_rows(x: Tensor) -> Tensor:
    """Return the maxima of pairs of rows: float32[1, C, H, W] to float32[1, C, H / 2, W]."""
    _, channels, height, width = x.shape
    pairs = x.reshape(channels, height // 2, 2, width)
    return torch.maximum(pairs[:, :, :1], pairs[:, :, 1:]).reshape(1, channels, height // 2, width)
