"""From a path's cost in the probe to its cost as a static graph.

A probe computes gates, calls conditionals and hands features from one partition to the next; a static graph is one
partition. What that takes grows with the features, as most of a path's cost does: ``static = scale * probe + offset``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pam_edge.errors import ProfileError
from pam_edge.measuring.fit import Fit
from pam_edge.supernet.path import PathSpec

LEAST_PATHS = 2


@dataclass(frozen=True, slots=True)
class StaticFit:
    """How static graphs relate to the probe.

    Attributes:
        paths: timed in both.
        scale: of the probe's cost.
        offset_ms: added to it.
        worst_error_pct: largest difference from a static graph's time, in percent of it.
    """

    paths: int
    scale: float
    offset_ms: float
    worst_error_pct: float


def fit_static(static_ms: Mapping[PathSpec, float], fit: Fit) -> StaticFit | None:
    """Fit the relation to static graphs' times; None where there are fewer than two, which determine no line.

    Raises:
        ProfileError: if static graphs take no longer along paths that cost the probe more.
    """
    if len(static_ms) < LEAST_PATHS:
        return None
    predicted = np.array([fit.predict(path) for path in static_ms])
    measured = np.array(list(static_ms.values()))
    scale, offset = map(float, np.polyfit(predicted, measured, 1))
    if not scale > 0:
        raise ProfileError(
            f"Expected static graphs to take longer along paths that take the probe longer; got {scale:.2g} ms for "
            f"each of its milliseconds, over {len(static_ms)} paths. The device was disturbed, or these are of another "
            "network: measure again with the device at rest, probe and static graphs in the same rounds."
        )
    errors = np.abs((scale * predicted + offset) / measured - 1)
    return StaticFit(len(static_ms), scale, offset, 100 * float(errors.max()))
