"""What Core ML demands of the inputs of a function together, when a package is loaded and when it is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pam_edge.errors import ArtifactError, UsageError
from pam_edge.runtimes.coreml.features import Feature

FIRST_WITH_SEVERAL_LISTS = 9
"""Specification version of iOS 18, from which on several inputs may list their shapes."""


def check_interface(inputs: Sequence[Feature], specification: int, place: str) -> None:
    """Check what Core ML demands of a function's inputs together.

    Args:
        inputs: of one function.
        specification: the package's specification version.
        place: for messages.

    Raises:
        ArtifactError: if all inputs are optional, or the listed shapes of several inputs are not in pairs.
    """
    if inputs and all(feature.optional for feature in inputs):
        raise ArtifactError(f"Expected an input that is not optional among the {place}; found none. Convert again.")
    listed = {feature.name: len(feature.sizes.listed) for feature in inputs if feature.sizes.listed}
    if len(listed) > 1 and specification < FIRST_WITH_SEVERAL_LISTS:
        raise ArtifactError(
            f"Expected one input with listed shapes among the {place}, which is all that Core ML takes before iOS 18; "
            f"found {', '.join(listed)}. Use ranges, or convert for iOS 18."
        )
    if len(set(listed.values())) > 1:
        raise ArtifactError(f"Expected as many listed shapes for each of the {place}; found {listed}. Convert again.")


def fit_inputs(features: Sequence[Feature], values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return an array for every input, those left out with their default value.

    Args:
        features: inputs of a function.
        values: what a caller passes, by name.

    Raises:
        UsageError: if inputs are missing or unknown, if one has a shape or type that it does not take, or if shapes do
            not go together.
    """
    names = {feature.name for feature in features}
    required = {feature.name for feature in features if not feature.optional}
    if not required <= set(values) <= names:
        more = f", and if you like {sorted(names - required)}" if names > required else ""
        raise UsageError(f"Expected the inputs {sorted(required)}{more}; got {sorted(values)}.")
    arrays = {
        feature.name: feature.fit(values[feature.name]) if feature.name in values else feature.value_left_out()
        for feature in features
    }
    _check_pairs(features, arrays)
    return arrays


def _check_pairs(features: Sequence[Feature], arrays: Mapping[str, np.ndarray]) -> None:
    """Check that listed shapes go together as listed: the first of each input, or the second of each, and so on."""
    listed = [feature for feature in features if feature.sizes.listed]
    positions = [
        {i for i, shape in enumerate(feature.sizes.listed) if shape == arrays[feature.name].shape} for feature in listed
    ]
    if positions and not set.intersection(*positions):
        wanted = "; ".join(f"'{feature.name}' {feature.sizes}" for feature in listed)
        found = ", ".join(str(list(arrays[feature.name].shape)) for feature in listed)
        raise UsageError(f"Expected shapes at the same place of each list: {wanted}; got {found}. Resize them to fit.")
