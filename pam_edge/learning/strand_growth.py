"""How hair, fur, grass, feathers, threads and nets grow: where strands are rooted, where to, and how they turn.

A strand is a curve whose direction turns along it: by a bend and by waves. Strands come in clumps, which share all of
that but for a little; what kind of thing they are is how these amounts are drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NATURAL = np.array(
    [
        *[(24, 18, 16), (52, 36, 26), (92, 62, 40), (140, 100, 62), (196, 160, 110), (222, 200, 160)],
        *[(150, 76, 40), (120, 118, 116), (190, 188, 184), (236, 234, 230), (70, 66, 64)],
    ],
    np.float32,
)
"""Colours of hair and fur, RGB."""
_GREEN = np.array([(58, 84, 30), (96, 122, 44), (140, 150, 70), (176, 160, 96), (70, 104, 60)], np.float32)

Rng = np.random.Generator
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Growth:
    """How strands grow: one row for each of M strands.

    Attributes:
        roots: float[M, 2], x and y in pixels.
        angles: float[M], direction at the root, in radians.
        lengths: float[M], in pixels.
        widths: float[M], at the root, in pixels.
        clumps: int[M], which clump a strand belongs to.
    """

    roots: NDArray[np.float64]
    angles: NDArray[np.float64]
    lengths: NDArray[np.float64]
    widths: NDArray[np.float64]
    clumps: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Habit:
    """How strands turn and taper, as spans that each clump draws from; angles in radians over the whole strand.

    Attributes:
        bend: total turn.
        wave: amplitude of the waves in direction.
        waves: number of waves.
        disorder: how much strands of a clump differ, as a share of these amounts.
        taper: share of its width that a strand has lost at its tip.
        palette: colours to choose from.
    """

    bend: Span
    wave: Span
    waves: Span
    disorder: Span
    taper: Span
    palette: NDArray[np.float32]


HAIR = Habit((-1.6, 1.6), (0.0, 0.7), (0.5, 5.0), (0.05, 0.6), (0.2, 0.9), _NATURAL)
CURLS = Habit((-1.0, 1.0), (0.8, 2.2), (2.0, 7.0), (0.05, 0.4), (0.1, 0.6), _NATURAL)
FUR = Habit((-0.9, 0.9), (0.0, 0.4), (0.5, 2.0), (0.2, 0.9), (0.6, 1.0), _NATURAL)
GRASS = Habit((-1.4, 1.4), (0.0, 0.15), (0.5, 1.5), (0.3, 1.2), (0.7, 1.0), _GREEN)
THREAD = Habit((-2.5, 2.5), (0.0, 1.0), (0.5, 3.0), (0.5, 1.5), (0.0, 0.1), _NATURAL)
BARB = Habit((-0.5, 0.5), (0.0, 0.1), (0.5, 1.0), (0.02, 0.3), (0.5, 0.9), _NATURAL)
STRAIGHT = Habit((-0.1, 0.1), (0.0, 0.12), (0.5, 3.0), (0.02, 0.2), (0.0, 0.05), _NATURAL)


def draw_widths(rng: Rng, count: int, span: Span) -> NDArray[np.float64]:
    """Draw widths in pixels around one of the span: strands of one thing are of about one width."""
    middle = np.exp(rng.uniform(np.log(span[0]), np.log(span[1])))
    return np.asarray(np.clip(middle * np.exp(rng.normal(0, 0.25, count)), 0.2, 3.0))


def _clumped(
    rng: Rng, count: int, clumps: int, roots: NDArray[np.float64], spread: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return which clump each strand belongs to, and its root near that clump's."""
    which = np.sort(rng.integers(clumps, size=count))
    return which, roots[which] + rng.normal(0, spread, (count, 2))


def _hair(rng: Rng, side: int) -> tuple[Growth, Habit]:
    count, clumps = int(np.exp(rng.uniform(np.log(12), np.log(700)))), int(rng.integers(1, 30))
    line = rng.uniform(-0.1, 1.1, (2, 2)) * side
    places = line[0] + (line[1] - line[0]) * rng.random((clumps, 1)) + rng.normal(0, 0.05 * side, (clumps, 2))
    which, roots = _clumped(rng, count, clumps, places, rng.uniform(0.005, 0.06) * side)
    towards = np.arctan2(*(side / 2 - line.mean(0))[::-1]) + rng.normal(0, rng.uniform(0.1, 1.0), clumps)
    angles = towards[which] + rng.normal(0, rng.uniform(0.02, 0.25), count)
    lengths = side * rng.uniform(0.4, 1.3) * np.exp(rng.normal(0, 0.2, count))
    return Growth(
        roots, angles, lengths, draw_widths(rng, count, (0.2, 1.6)), which
    ), HAIR if rng.random() < 0.6 else CURLS


def _fur(rng: Rng, side: int) -> tuple[Growth, Habit]:
    """Fur covers an ellipse and sticks out of it: directions follow a smooth field."""
    count, clumps = int(rng.uniform(600, 1800)), int(rng.integers(20, 120))
    turn, radius = rng.uniform(0, 2 * np.pi, clumps), np.sqrt(rng.random(clumps))
    axes = rng.uniform(0.2, 0.42, 2) * side
    places = side / 2 + np.stack([np.cos(turn), np.sin(turn)], 1) * radius[:, None] * axes
    which, roots = _clumped(rng, count, clumps, places, rng.uniform(0.01, 0.05) * side)
    outwards = turn + rng.normal(0, 0.4) + rng.normal(0, 0.3, clumps)
    angles = outwards[which] + rng.normal(0, rng.uniform(0.05, 0.4), count)
    lengths = side * rng.uniform(0.04, 0.16) * np.exp(rng.normal(0, 0.3, count))
    # The outermost first: what is nearer to the middle lies over it.
    order = np.argsort(-radius[which], kind="stable")
    widths = draw_widths(rng, count, (0.4, 1.6))
    return Growth(roots[order], angles[order], lengths[order], widths[order], which[order]), FUR


def _grass(rng: Rng, side: int) -> tuple[Growth, Habit]:
    count, clumps = int(rng.uniform(20, 260)), int(rng.integers(2, 24))
    places = np.stack([rng.uniform(0, side, clumps), side * rng.uniform(0.85, 1.05, clumps)], 1)
    which, roots = _clumped(rng, count, clumps, places, rng.uniform(0.01, 0.05) * side)
    angles = -np.pi / 2 + rng.normal(0, rng.uniform(0.1, 0.5), count)
    lengths = side * rng.uniform(0.3, 0.9) * np.exp(rng.normal(0, 0.3, count))
    return Growth(roots, angles, lengths, draw_widths(rng, count, (0.8, 3.0)), which), GRASS


def _threads(rng: Rng, side: int) -> tuple[Growth, Habit]:
    count = int(rng.integers(3, 40))
    roots, angles = rng.uniform(0, side, (count, 2)), rng.uniform(0, 2 * np.pi, count)
    lengths = side * rng.uniform(0.4, 2.0, count)
    return Growth(roots, angles, lengths, draw_widths(rng, count, (0.2, 2.5)), np.arange(count)), THREAD


def _feather(rng: Rng, side: int) -> tuple[Growth, Habit]:
    """A shaft with barbs on both sides, looser towards its root."""
    count, lean = int(rng.uniform(80, 320)), rng.uniform(0.4, 1.0)
    angle, length = rng.uniform(0, 2 * np.pi), side * rng.uniform(0.6, 0.9)
    direction = np.array([np.cos(angle), np.sin(angle)])
    place = np.sort(rng.random(count))
    roots = side / 2 + direction * (length * (place - 0.5))[:, None]
    hand = np.where(np.arange(count) % 2, 1.0, -1.0)
    angles = angle + hand * (lean + 0.4 * (1 - place)) + rng.normal(0, 0.25 * (1 - place) + 0.02, count)
    lengths = (
        length * rng.uniform(0.15, 0.35) * np.sqrt(np.clip(1.05 - place, 0, 1)) * np.exp(rng.normal(0, 0.06, count))
    )
    barbs = Growth(roots, angles, lengths, draw_widths(rng, count, (0.3, 1.4)), (hand > 0).astype(np.int64))
    shaft = Growth(
        (side / 2 - direction * length * rng.uniform(0.5, 0.65))[None],
        np.array([angle]),
        np.array([length * 1.1]),
        rng.uniform(1, 3, 1),
        np.array([2]),
    )
    return _join(barbs, shaft), BARB


def _net(rng: Rng, side: int) -> tuple[Growth, Habit]:
    """Two families of parallel threads that cross; they share their waves, so that meshes keep their shape."""
    angle, gap = rng.uniform(0, np.pi), side * np.exp(rng.uniform(np.log(0.015), np.log(0.12)))
    families = [angle, angle + rng.uniform(0.7, 1.6)]
    thickness = draw_widths(rng, 1, (0.3, 2.5))
    grown = []
    for clump, towards in enumerate(families):
        along, across = (np.array([np.cos(a), np.sin(a)]) for a in (towards, towards + np.pi / 2))
        offsets = np.arange(-0.8 * side, 0.8 * side, gap)
        roots = side / 2 - along * 0.8 * side + across * offsets[:, None]
        count = len(roots)
        grown.append(
            Growth(
                roots + rng.normal(0, rng.uniform(0, 0.08) * gap, roots.shape),
                np.full(count, towards),
                np.full(count, 1.6 * side),
                np.repeat(thickness, count),
                np.full(count, clump),
            )
        )
    return _join(*grown), STRAIGHT


def _join(one: Growth, other: Growth) -> Growth:
    roots, angles, lengths, widths, clumps = (
        np.concatenate([getattr(one, name), getattr(other, name)]) for name in Growth.__slots__
    )
    return Growth(roots, angles, lengths, widths, clumps)


KINDS: dict[str, Callable[[Rng, int], tuple[Growth, Habit]]] = {
    "hair": _hair,
    "fur": _fur,
    "grass": _grass,
    "threads": _threads,
    "feather": _feather,
    "net": _net,
}
"""What can be drawn, by name: how strands of that kind grow in a square of some pixels."""
