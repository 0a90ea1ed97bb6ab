"""Which parts of a network have to stay float, so that its mattes stay good enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pam_edge.errors import ConversionError
from pam_edge.matting.trimaps import UNKNOWN
from pam_edge.quantisation.calibrate import Ranges
from pam_edge.quantisation.pictures import Scored
from pam_edge.quantisation.quality import LIMITS, Judge, Quality, matte
from pam_edge.quantisation.quantise import Recipe, quantise, whole_recipe
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Precision

_MOST_FLOAT = 0.5
"""Of all parts: with more of them in float, an artifact has little of what it was quantised for."""

_LOOKED_AT = 6
_LOOK_SIDE = 256
"""Pictures, and their sides, by which the damage of each part is told: an order is wanted, not a score."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is quantised, and what that costs.

    Attributes:
        recipe: parts and ranges.
        quality: of each path.
        damage: of each part that stays float beside the last layer: RMS of alpha's change in the unknown region where
            it alone is quantised; empty if none has to.
    """

    recipe: Recipe
    quality: tuple[Quality, ...]
    damage: dict[str, float]


def choose_recipe(
    supernet: Supernet, precision: Precision, ranges: Ranges, paths: Sequence[PathSpec], cases: Sequence[Scored]
) -> Chosen:
    """Quantise as many parts as mattes allow.

    Args:
        supernet: the float one, in evaluation mode.
        precision: a quantised one.
        ranges: of features; none where only weights are quantised.
        paths: each has to be good enough.
        cases: to judge by, at the artifact's size.

    Raises:
        ConversionError: if mattes are not good enough with half of all parts in float; it names those that cost most.
    """
    limits, judge = LIMITS[precision], Judge(supernet, cases)
    everything = whole_recipe(supernet, precision, ranges)

    def attempt(kept: Sequence[str]) -> tuple[Recipe, tuple[Quality, ...]]:
        recipe = replace(everything, parts=everything.parts - frozenset(kept))
        network = quantise(supernet, recipe)
        return recipe, tuple(judge.judge(network, path) for path in paths)

    recipe, quality = attempt(())
    if all(each.within(limits) for each in quality):
        return Chosen(recipe, quality, {})
    damage = damage_of(supernet, everything, paths[0], cases)
    order = sorted(damage, key=lambda part: -damage[part])
    for count in range(1, int(_MOST_FLOAT * len(order)) + 1):
        recipe, quality = attempt(order[:count])
        if all(each.within(limits) for each in quality):
            return Chosen(recipe, quality, {part: damage[part] for part in order[:count]})
    raise ConversionError(_describe(precision, quality, {part: damage[part] for part in order[:3]}))


def damage_of(supernet: Supernet, recipe: Recipe, path: PathSpec, cases: Sequence[Scored]) -> dict[str, float]:
    """Return for each part of a recipe the RMS of alpha's change in the unknown region where it alone is quantised."""
    height, width = cases[0].alpha.shape
    shrink = min(1.0, _LOOK_SIDE / max(height, width))
    size = (max(32, int(height * shrink) // 32 * 32), max(32, int(width * shrink) // 32 * 32))
    looked_at = [case.fit(*size) for case in cases[:_LOOKED_AT]]
    full = [matte(supernet, path, case) for case in looked_at]

    def rms(part: str) -> float:
        network = quantise(supernet, replace(recipe, parts=frozenset({part})))
        changes = [
            (matte(network, path, case) - before)[case.picture.trimap == UNKNOWN]
            for case, before in zip(looked_at, full, strict=True)
        ]
        return float(np.sqrt(np.mean(np.concatenate(changes) ** 2)))

    return {part: rms(part) for part in sorted(recipe.parts)}


def _describe(precision: Precision, quality: Sequence[Quality], damage: dict[str, float]) -> str:
    limits = LIMITS[precision]
    bad = next(each for each in quality if not each.within(limits))
    parts = ", ".join(f"{part} (RMS {rms:.2g} alone)" for part, rms in damage.items())
    return (
        f"{precision}: expected mattes worse than float ones by at most {limits.describe()}; even with half of the "
        f"network in float: {bad.describe()}. The parts that cost most: {parts}. Take another precision, or train the "
        "weights for it."
    )
