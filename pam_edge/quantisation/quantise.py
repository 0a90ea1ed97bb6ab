"""A supernet that computes as its quantised artifact does."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from pam_edge.quantisation.calibrate import Ranges
from pam_edge.quantisation.equalise import equalise
from pam_edge.quantisation.layers import Grid, Int8Conv, Store, round_weights
from pam_edge.quantisation.network import Change, change, is_output, parts_of, unchanged
from pam_edge.quantisation.palettes import palettise
from pam_edge.supernet.network import Supernet
from pam_edge.terms import Precision


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is quantised, and on which grids.

    Attributes:
        precision: a quantised one.
        parts: that are in few bits; see ``parts_of``. All others stay float.
        ranges: of features by site; none where only weights are quantised.
    """

    precision: Precision
    parts: frozenset[str]
    ranges: Ranges


ALWAYS_FLOAT = frozenset({"head"})
"""Where features are stored: what the last layer gives is alpha, which eight bits hold to 1/255 at best."""


def always_float(precision: Precision) -> frozenset[str]:
    """Return the parts that a precision never quantises."""
    return ALWAYS_FLOAT if precision is Precision.INT8 else frozenset()


def whole_recipe(supernet: Supernet, precision: Precision, ranges: Ranges) -> Recipe:
    """Return the recipe that quantises all that can be."""
    return Recipe(precision, frozenset(parts_of(supernet)) - always_float(precision), ranges)


def quantise(supernet: Supernet, recipe: Recipe) -> Supernet:
    """Return a supernet whose convolutions have weights of few bits and, where ranges are given, eight-bit features.

    What passes from one part to the next is stored in eight bits unless both stay float. Before features are, channels
    are equalised; weights alone do not gain by that.
    """
    order = list(parts_of(supernet))
    after = dict(pairwise(order))

    def change_of(part: str) -> Change:
        def store(site: str) -> nn.Module | None:
            is_stored = part in recipe.parts or (is_output(site) and after.get(part) in recipe.parts)
            return Store(Grid.of(*recipe.ranges[site])) if is_stored and site in recipe.ranges else None

        if part not in recipe.parts:
            return Change(unchanged, store, unchanged)
        if recipe.precision is Precision.INT8:
            return Change(Int8Conv, store, unchanged)
        few_bits = _with_palettes if recipe.precision is Precision.W6 else _with_rounded_weights
        return Change(few_bits, store, few_bits)

    has_features = recipe.precision is Precision.INT8
    return change(equalise(supernet) if has_features else supernet, change_of)


def _with_rounded_weights(conv: nn.Conv2d) -> nn.Conv2d:
    weight, scale = round_weights(conv.weight.detach())
    conv.weight.data = weight.float() * scale[:, None, None, None]
    return conv


def _with_palettes(conv: nn.Conv2d) -> nn.Conv2d:
    conv.weight.data = palettise(conv.weight.detach())
    return conv
