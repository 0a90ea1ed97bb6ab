"""Additive costs of paths: a fixed part, and for each block what running or bypassing it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pam_edge.errors import UsageError
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import CostUnit, Provenance

if TYPE_CHECKING:
    from pam_edge.supernet.config import SupernetConfig

CONFIDENCE_SIGMAS = 1.645
"""Standard errors from a prediction to its bounds: each bound holds with 95 %, both together with 90 % (normal)."""


@dataclass(frozen=True, slots=True)
class CostTable:
    """Cost of one image along any path, with its uncertainty.

    Counted costs have no errors. Estimated ones have none *known*: their interval is empty, which says nothing about
    how far off they are.

    Attributes:
        unit: of every number here.
        provenance: where the numbers come from.
        fixed: everything outside the choices.
        run: per block, the block itself.
        bypass: per block, its connect layer.
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
    fixed: float
    run: tuple[float, ...]
    bypass: tuple[float, ...]
    fixed_error: float = 0.0
    run_errors: tuple[float, ...] = ()
    bypass_errors: tuple[float, ...] = ()
    path_error: float = 0.0
    scatter: float = 0.0

    def __post_init__(self) -> None:
        zeros = (0.0,) * len(self.run)
        object.__setattr__(self, "run_errors", self.run_errors or zeros)
        object.__setattr__(self, "bypass_errors", self.bypass_errors or zeros)
        columns = (self.run, self.bypass, self.run_errors, self.bypass_errors)
        if not self.run or len({len(column) for column in columns}) != 1:
            raise UsageError(
                f"Expected costs for one or more blocks in equal numbers; got {[len(c) for c in columns]}."
            )
        numbers = (
            self.fixed,
            self.fixed_error,
            self.path_error,
            self.scatter,
            *(value for column in columns for value in column),
        )
        if not all(math.isfinite(value) and value >= 0 for value in numbers):
            raise UsageError("Expected finite costs and errors of zero or more; got a negative, infinite or NaN one.")

    def __len__(self) -> int:
        return len(self.run)

    def cost(self, path: PathSpec) -> float:
        """Return the predicted cost of a path.

        Raises:
            UsageError: if the path has another number of blocks.
        """
        return math.fsum((self.fixed, *_pick(path, self.run, self.bypass)))

    @property
    def margin(self) -> float:
        """Distance from a prediction to its bounds, at ``CONFIDENCE_SIGMAS``.

        It is the same for every path. A limit on the upper bound is then a limit on the cost itself, which keeps the
        planner's search exact and the governor inside a graph simple.
        """
        return CONFIDENCE_SIGMAS * math.hypot(self.path_error, self.scatter)

    def upper(self, path: PathSpec) -> float:
        """Return the cost that the path exceeds with a probability of at most 5 % (one-sided 95 % bound)."""
        return self.cost(path) + self.margin

    def interval(self, path: PathSpec) -> tuple[float, float]:
        """Return lower and upper bound of the path's cost, which hold together with 90 %."""
        cost = self.cost(path)
        return max(0.0, cost - self.margin), cost + self.margin

    @property
    def full(self) -> float:
        """Cost with every block run."""
        return self.cost(PathSpec.full(len(self)))

    @property
    def shortest(self) -> float:
        """Cost with every block bypassed."""
        return self.cost(PathSpec.shortest(len(self)))

    @property
    def cheapest(self) -> float:
        """Cost of the cheapest path; below ``shortest`` where a device runs some block faster than its bypass."""
        return math.fsum((self.fixed, *map(min, self.run, self.bypass)))


def _pick(path: PathSpec, run: Sequence[float], bypass: Sequence[float]) -> tuple[float, ...]:
    if len(path) != len(run):
        raise UsageError(f"These costs are of {len(run)} blocks; the path {path} has {len(path)}. Use one variant's.")
    return tuple(taken if runs else skipped for runs, taken, skipped in zip(path.runs, run, bypass, strict=True))


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
