"""What a precision means to coremltools: the oldest system, what is computed in, and how weights are stored."""

from __future__ import annotations

from typing import Any

from pam_edge.converters.base import ConversionJob
from pam_edge.quantisation.layers import are_round
from pam_edge.quantisation.palettes import are_palettised, group_size
from pam_edge.targets import Target
from pam_edge.terms import Mode, Precision
from pam_edge.toolchains import UNUSED_BY_COREMLTOOLS, hidden

with hidden(*UNUSED_BY_COREMLTOOLS):
    import coremltools as ct
    import coremltools.optimize.coreml as cto

_SMALLEST_WEIGHT = 512
"""Numbers that a weight has at least to be worth a scale for each of its channels, or palettes."""


def is_multifunction(job: ConversionJob) -> bool:
    """Return whether a package holds several functions."""
    return job.mode is Mode.MULTI and len(job.entry_points) > 1


def oldest_system(job: ConversionJob) -> Any:
    """Return the oldest system that has what a package needs; iOS 16 is the first with half-float images."""
    if is_multifunction(job) or job.precision is Precision.W6:
        return ct.target.iOS18
    return ct.target.iOS17 if job.precision is Precision.INT8 else ct.target.iOS16


def computes_in_half(job: ConversionJob) -> bool:
    """Return whether arithmetic is in half precision."""
    return Target.COREML.facts.arithmetic_of(job.precision) is Precision.FP16


def store_weights(model: Any, precision: Precision) -> Any:
    """Return a converted model with weights as the precision says; they have its values already."""
    if precision not in (Precision.W8, Precision.W6):
        return model
    weights = {k: each.val for k, each in cto.get_weights_metadata(model, weight_threshold=_SMALLEST_WEIGHT).items()}
    if precision is Precision.W8:
        chosen = {name: _LINEAR for name, weight in weights.items() if are_round(weight)}
        return cto.linear_quantize_weights(model, cto.OptimizationConfig(op_name_configs=chosen))
    chosen = {name: _palettes(len(weight)) for name, weight in weights.items() if are_palettised(weight)}
    return cto.palettize_weights(model, cto.OptimizationConfig(op_name_configs=chosen))


_LINEAR = cto.OpLinearQuantizerConfig(
    mode="linear_symmetric", dtype="int8", granularity="per_channel", weight_threshold=_SMALLEST_WEIGHT
)


def _palettes(channels: int) -> Any:
    return cto.OpPalettizerConfig(
        mode="unique",
        granularity="per_grouped_channel",
        group_size=group_size(channels),
        weight_threshold=_SMALLEST_WEIGHT,
    )
