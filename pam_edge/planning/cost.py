"""What paths cost, in milliseconds on a device or in MACs, and how well that is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pam_edge.errors import UsageError
from pam_edge.supernet.additive_cost import AdditiveCost, amount_of, quantise
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import CostUnit, Provenance

if TYPE_CHECKING:
    from pam_edge.supernet.config import SupernetConfig

CONFIDENCE_SIGMAS = 1.645
"""Standard errors from a prediction to its bounds: each bound holds with 95 %, both together with 90 % (normal)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTable(AdditiveCost[float]):
    """Cost of one image along any path, with its uncertainty.

    Its parts are rounded to whole quanta, and all sums are made of those: two costs that are equal compare as equal,
    and a path is within a budget of its own cost.

    Counted costs have no errors. Estimated ones have none *known*: their interval is empty, which says nothing about
    how far off they are.

    Attributes:
        unit: of every number here.
        provenance: where the numbers come from.
        fixed_error: standard error of ``fixed`` alone.
        run_errors: standard error of each of ``run`` alone.
        bypass_errors: standard error of each of ``bypass`` alone.
        path_error: standard error of a path's predicted cost, as root mean square over all paths. It is less than the
            sum of the errors above, because these belong together: where a fit sees a block's run as too dear, it sees
            something else as too cheap.
        scatter: standard deviation of single paths' true costs around the additive model, the device's changing pace
            included.
    """

    unit: CostUnit
    provenance: Provenance
    fixed_error: float = 0.0
    run_errors: tuple[float, ...] = ()
    bypass_errors: tuple[float, ...] = ()
    path_error: float = 0.0
    scatter: float = 0.0

    def __post_init__(self) -> None:
        AdditiveCost.__post_init__(self)
        zeros = (0.0,) * len(self)
        errors = (self.run_errors or zeros, self.bypass_errors or zeros)
        if any(len(column) != len(self) for column in errors):
            raise UsageError(f"Expected an error for each of {len(self)} blocks; got {[len(c) for c in errors]}.")
        parts = (self.fixed, *self.run, *self.bypass)
        numbers = (*parts, self.fixed_error, *errors[0], *errors[1], self.path_error, self.scatter)
        if not all(math.isfinite(value) and value >= 0 for value in numbers):
            raise UsageError("Expected finite costs and errors of zero or more; got a negative, infinite or NaN one.")
        whole = self.quanta
        object.__setattr__(self, "fixed", amount_of(whole.fixed))
        object.__setattr__(self, "run", tuple(map(amount_of, whole.run)))
        object.__setattr__(self, "bypass", tuple(map(amount_of, whole.bypass)))
        object.__setattr__(self, "run_errors", errors[0])
        object.__setattr__(self, "bypass_errors", errors[1])

    def cost(self, path: PathSpec) -> float:
        """Return the predicted cost of a path.

        Raises:
            UsageError: if the path has another number of blocks.
        """
        return amount_of(self.quanta.cost(path))

    @property
    def margin(self) -> float:
        """Distance from a prediction to its bounds, at ``CONFIDENCE_SIGMAS``.

        It is the same for every path. A limit on the upper bound is then a limit on the cost itself, which keeps the
        planner's search exact and the governor inside a graph simple.
        """
        return amount_of(quantise(CONFIDENCE_SIGMAS * math.hypot(self.path_error, self.scatter)))

    def upper(self, path: PathSpec) -> float:
        """Return the cost that the path exceeds with a probability of at most 5 % (one-sided 95 % bound)."""
        return self.cost(path) + self.margin

    def interval(self, path: PathSpec) -> tuple[float, float]:
        """Return lower and upper bound of the path's cost, which hold together with 90 %."""
        cost = self.cost(path)
        return max(0.0, cost - self.margin), cost + self.margin


@lru_cache(maxsize=64)
def mac_cost_table(config: SupernetConfig, height: int, width: int) -> CostTable:
    """Return the GMACs of a static path at the converted size (counted once per configuration and size)."""
    from pam_edge.supernet.macs import count_macs

    macs = count_macs(config, height, width)
    return CostTable(
        unit=CostUnit.GMAC,
        provenance=Provenance.COUNTED,
        fixed=macs.fixed / 1e9,
        run=tuple(count / 1e9 for count in macs.run),
        bypass=tuple(count / 1e9 for count in macs.bypass),
    )
