"""Procedural strands as cut-outs, alone or grown on others, with exact alpha and true foreground colour.

Everything is a function of a generator.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.learning.library import Pixels, fill_colour
from pam_edge.learning.strand_drawing import Floats, Strands, compose_over, draw_strands
from pam_edge.learning.strand_growth import CURLS, FUR, HAIR, KINDS, Growth, Habit, Rng, Span, draw_widths

_POINTS = 26
_LAYERS = 3


def strand_picture(rng: Rng, side: int) -> Pixels:
    """Return uint8[S, S, 4], RGBA with straight colour: strands of a random kind on nothing."""
    kinds = list(KINDS)
    return draw_kind(rng, kinds[int(rng.integers(len(kinds)))], side)


def draw_kind(rng: Rng, kind: str, side: int) -> Pixels:
    """Return uint8[S, S, 4] of strands of a kind, a key of ``KINDS``."""
    growth, habit = KINDS[kind](rng, side)
    return _finish(_render(rng, growth, habit, side, side))


def grow_on(rng: Rng, cutout: Pixels, side: int) -> Pixels:
    """Return a cut-out, shrunk to a side, with strands grown out of its border, in its own colours.

    Args:
        rng: decides everything random.
        cutout: uint8[H, W, 4], RGBA, straight, continued into transparent pixels.
        side: longest side of the result in pixels, the strands' room included.

    Returns:
        uint8[H', W', 4].
    """
    room = int(rng.uniform(0.06, 0.18) * side)
    scale = min(1.0, (side - 2 * room) / max(cutout.shape[:2]))
    size = (max(8, round(cutout.shape[1] * scale)), max(8, round(cutout.shape[0] * scale)))
    small = cv2.resize(cutout, size, interpolation=cv2.INTER_AREA)
    small = cv2.copyMakeBorder(small, room, room, room, room, cv2.BORDER_CONSTANT)
    small = np.dstack([fill_colour(small[..., :3], small[..., 3]), small[..., 3]])
    growth = _along_border(rng, small[..., 3], room)
    alpha = small[..., 3:].astype(np.float32) / np.float32(255)
    body = np.dstack([small[..., :3] * alpha, alpha]).astype(np.float32)
    if not len(growth.roots):
        return _finish(body)
    habit = [HAIR, FUR, FUR, CURLS][int(rng.integers(4))]
    roots = np.clip(growth.roots.astype(int), 0, np.array(small.shape[1::-1]) - 1)
    own = small[roots[:, 1], roots[:, 0], :3].astype(np.float32)
    drawn = _render(rng, growth, habit, small.shape[0], small.shape[1], own)
    return _finish(compose_over(drawn, body) if rng.random() < 0.7 else compose_over(body, drawn))


def _along_border(rng: Rng, alpha: Pixels, room: int) -> Growth:
    """Root strands on stretches of the border, pointing outwards and leaning to one side."""
    soft = cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), 2.5)
    down, right = np.gradient(soft)
    rows, columns = np.nonzero((np.hypot(down, right) > 12) & (alpha > 128))
    if not len(rows):
        nothing = np.zeros(0)
        return Growth(np.zeros((0, 2)), nothing, nothing, nothing, np.zeros(0, np.int64))
    centre = rng.integers(len(rows), size=int(rng.integers(1, 4)))
    reach = rng.uniform(0.15, 0.8) * max(alpha.shape)
    far = np.min(np.hypot(rows[:, None] - rows[centre], columns[:, None] - columns[centre]), 1)
    near = np.flatnonzero(far < reach)
    pick = rng.choice(near, size=int(min(rng.uniform(0.5, 4.0) * len(near) / 3, 1200)) + 1)
    roots = np.stack([columns[pick], rows[pick]], 1) + rng.uniform(-1, 1, (len(pick), 2))
    lean = rng.normal(0, 0.5) + rng.normal(0, rng.uniform(0.1, 0.6), len(pick))
    outwards = np.arctan2(-down[rows[pick], columns[pick]], -right[rows[pick], columns[pick]]) + lean
    lengths = room * rng.uniform(0.3, 1.3) * np.exp(rng.normal(0, 0.4, len(pick)))
    widths = draw_widths(rng, len(pick), (0.25, 1.2))
    return Growth(roots, outwards, lengths, widths, (pick * 7) // max(1, len(rows) // 9))


def _render(
    rng: Rng, growth: Growth, habit: Habit, height: int, width: int, own: NDArray[np.float32] | None = None
) -> Floats:
    """Bend, colour and draw; ``own`` is float32[M, 3], a colour for each strand instead of the habit's."""
    points = _bend(rng, growth, habit)
    along = np.linspace(0, 1, _POINTS, dtype=np.float32)
    taper = rng.uniform(*habit.taper)
    widths = growth.widths[:, None] * (1 - taper * along**2)
    colours = _colours(rng, growth, habit, along) if own is None else _vary(rng, own, along)
    layers = rng.integers(0, _LAYERS, len(points))
    opacities = tuple(np.where(rng.random(_LAYERS) < 0.5, 1.0, rng.uniform(0.35, 1.0, _LAYERS)).tolist())
    strands = Strands(points.astype(np.float32), widths.astype(np.float32), colours, layers)
    return draw_strands(strands, height, width, opacities)


def _bend(rng: Rng, growth: Growth, habit: Habit) -> NDArray[np.float64]:
    """Return float64[M, K, 2]: integrate each strand's direction from its root."""
    count, clumps = len(growth.roots), growth.clumps
    groups = int(clumps.max(initial=0)) + 1
    disorder = rng.uniform(*habit.disorder)

    def draw(span: Span) -> NDArray[np.float64]:
        shared = rng.uniform(*span, groups)[clumps]
        return np.asarray(shared + rng.normal(0, disorder * (span[1] - span[0]) / 4, count))

    along = np.linspace(0, 1, _POINTS)
    phases = rng.uniform(0, 2 * np.pi, groups)[clumps] + rng.normal(0, disorder, count)
    waves = np.sin(2 * np.pi * np.abs(draw(habit.waves))[:, None] * along + phases[:, None]) - np.sin(phases)[:, None]
    turn = draw(habit.bend)[:, None] * along**1.5 + draw(habit.wave)[:, None] * waves
    angles = growth.angles[:, None] + turn
    steps = np.stack([np.cos(angles), np.sin(angles)], 2) * (growth.lengths / (_POINTS - 1))[:, None, None]
    return np.asarray(growth.roots[:, None] + np.cumsum(steps, 1) - steps[:, :1])


def _colours(rng: Rng, growth: Growth, habit: Habit, along: Floats) -> Floats:
    """Return float32[M, K, 3] of one or two colours of the palette, or now and then of any."""
    one, other = habit.palette[rng.integers(len(habit.palette), size=2)]
    if rng.random() < 0.2:
        one = rng.uniform(0, 255, 3).astype(np.float32)
    share = (rng.random(int(growth.clumps.max(initial=0)) + 1) * rng.uniform(0, 1))[growth.clumps]
    return _vary(rng, one + (other - one) * share[:, None].astype(np.float32), along)


def _vary(rng: Rng, base: NDArray[np.float32], along: Floats) -> Floats:
    """Change base colours from strand to strand and along each: darker roots, lighter tips, a highlight."""
    count = len(base)
    bright = np.exp(rng.normal(0, rng.uniform(0.03, 0.25), (count, 1)))
    slope = 1 + rng.uniform(-0.3, 0.6) * (along - 0.5)
    place, reach = rng.uniform(0.1, 0.9), rng.uniform(0.05, 0.3)
    shine = rng.uniform(0, 70) * np.exp(-(((along - place + rng.normal(0, 0.05, (count, 1))) / reach) ** 2))
    colours = base[:, None] * (bright * slope)[..., None] + shine[..., None]
    return np.asarray(np.clip(colours, 0, 255), np.float32)


def _finish(premultiplied: Floats) -> Pixels:
    alpha = np.clip(premultiplied[..., 3:], 0, 1)
    straight = premultiplied[..., :3] / np.maximum(alpha, np.float32(1e-3))
    colour = np.clip(np.rint(straight), 0, 255).astype(np.uint8)
    level = np.rint(alpha[..., 0] * 255).astype(np.uint8)
    return np.dstack([fill_colour(colour, level), level])
