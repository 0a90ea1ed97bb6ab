"""Parity of a dynamic graph: the path that the reference takes, a cost within the budget, and that path's alpha."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pam_edge.evaluation.parity import (
    Deviation,
    ParityLimits,
    Reference,
    colour_deviation,
    deviation,
    finish_alpha,
    to_tensors,
)
from pam_edge.evaluation.pictures import Picture
from pam_edge.graphs.governed import GovernedOutput, run_governed
from pam_edge.graphs.governor import BudgetTable, GovernorCosts
from pam_edge.runtimes.base import LastFrame
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec

EDGE_BUDGETS = (float("nan"), float("-inf"), -1.0, 0.0, float("inf"))
"""Budgets that no planner gives and an app may: the graph has to take them as the shortest path's, or as any."""


class Matte(Protocol):
    """What a dynamic graph returns; ``pam_edge.delivery.artifact.opened.Matte`` is one."""

    @property
    def alpha(self) -> NDArray[np.float32]:
        """Alpha float32[H, W]."""
        ...

    @property
    def foreground(self) -> NDArray[np.float32] | None:
        """Straight colours float32[H, W, 3], 0..255; None of graphs that give alpha alone."""
        ...

    @property
    def path(self) -> str:
        """One bit per block."""
        ...

    @property
    def cost(self) -> float:
        """Predicted, in the budget's unit."""
        ...


class CallableDynamicModel(Protocol):
    """A dynamic graph that can be run; ``pam_edge.delivery.artifact.opened.ChosenPath`` is one."""

    def __call__(
        self, image: NDArray[np.uint8], given: NDArray[np.uint8], budget: float, *, last: LastFrame | None
    ) -> Matte:
        """Matte image uint8[H, W, 3] (RGB) with trimap or mask uint8 within a budget; see ``CallableModel``."""
        ...


@dataclass(frozen=True, slots=True)
class DynamicCheck:
    """One picture at one budget.

    Attributes:
        deviation: of alpha from the supernet's along the path that the artifact took.
        foreground: of alpha * foreground likewise; None where no foreground is given.
        same_path: whether that is the reference's path.
        is_tie: whether a gate within the precision's noise explains another path.
        keeps_budget: whether the cost is that of the path taken, and within the budget (or the shortest path's).
    """

    deviation: Deviation
    foreground: Deviation | None
    same_path: bool
    is_tie: bool
    keeps_budget: bool

    def passes(self, limits: ParityLimits) -> bool:
        """Return whether alpha, path and cost are right."""
        colours = self.foreground is None or self.foreground.within(limits)
        return self.deviation.within(limits) and colours and (self.same_path or self.is_tie) and self.keeps_budget


def check_dynamic(
    model: CallableDynamicModel,
    reference: Reference,
    costs: GovernorCosts,
    table: BudgetTable,
    picture: Picture,
    budget: float,
    limits: ParityLimits,
) -> tuple[DynamicCheck, Matte]:
    """Run a dynamic graph on one picture and judge alpha, path and cost; return that and what it gave."""
    expected = govern(reference.supernet, costs, table, picture, budget)
    found = model(picture.image, picture.given, budget, last=picture.last)
    path = PathSpec.parse(found.path)
    same = path == expected.path
    own = finish_alpha(picture, expected.alpha) if same else reference.alpha(path, picture)
    limit = budget if budget > costs.shortest else costs.shortest
    check = DynamicCheck(
        deviation=deviation(found.alpha, own, picture.trimap),
        foreground=colour_deviation(found, reference.cutout(picture, own, found), picture.trimap),
        same_path=same,
        is_tie=is_tie(path, expected.path, expected.free_margins, limits.gate_margin),
        keeps_budget=found.cost <= limit and found.cost == costs.cost(path),
    )
    return check, found


def govern(
    supernet: Supernet, costs: GovernorCosts, table: BudgetTable, picture: Picture, budget: float
) -> GovernedOutput:
    """Return what the supernet does with a picture within a budget; alpha is the network's."""
    last = picture.last
    previous = None if last is None or last.path is None else PathSpec(tuple(map(bool, last.path)))
    return run_governed(supernet, costs, table, *to_tensors(picture), budget, previous)


def is_tie(path: PathSpec, expected: PathSpec, margins: Sequence[float | None], noise: float) -> bool:
    """Return whether an undecided gate explains that another path was taken.

    Args:
        path: that was taken.
        expected: the reference's.
        margins: per block, by how much the reference's gate prefers to run; None where the governor left it no choice.
        noise: largest margin that another arithmetic can turn.
    """
    pairs = enumerate(zip(path.runs, expected.runs, strict=True))
    first = next((index for index, (own, other) in pairs if own != other), None)
    if first is None:
        return False
    margin = margins[first]
    return margin is not None and abs(margin) <= noise
