"""The public face of the reference runtime: load a package, look at it, run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import Tensor

from pam_edge.errors import ArtifactError, UsageError
from pam_edge.runtimes.coreml.compiler import Constants, compile_function
from pam_edge.runtimes.coreml.executor import Observe, Run, execute
from pam_edge.runtimes.coreml.features import Feature, parse_features
from pam_edge.runtimes.coreml.interface import check_interface, fit_inputs
from pam_edge.runtimes.coreml.package import Package, read_package
from pam_edge.runtimes.coreml.plan import Compiled
from pam_edge.runtimes.coreml.program import Function, parse_functions
from pam_edge.runtimes.coreml.types import TensorType

Compute = Literal["declared", "float32"]
"""``declared``: float16 values are rounded after every operation. ``float32``: no value is rounded."""


@dataclass(frozen=True, slots=True)
class _Entry:
    compiled: Compiled
    inputs: list[Feature]
    outputs: list[Feature]


class Model:
    """An ML program package, checked and ready to run on this machine's CPU.

    It executes what the package says, operator by operator, with the element types the package declares: semantics,
    weights and the rounding of stored values. It does not imitate the arithmetic inside the Neural Engine or a GPU:
    within an operation, sums are accumulated in float32.
    """

    def __init__(self, path: Path, entries: dict[str, _Entry], default: str) -> None:
        self.path = path
        self._entries = entries
        self.default_function = default

    @property
    def functions(self) -> list[str]:
        """Names of the entry points; a package that is not multifunction has ``main`` alone."""
        return list(self._entries)

    def inputs(self, function: str | None = None) -> list[Feature]:
        """Return the inputs of an entry point."""
        return list(self._entry(function).inputs)

    def outputs(self, function: str | None = None) -> list[Feature]:
        """Return the outputs of an entry point."""
        return list(self._entry(function).outputs)

    def predict(self, inputs: Mapping[str, Any], function: str | None = None) -> dict[str, np.ndarray]:
        """Run an entry point as declared; see ``run``."""
        return self.run(inputs, function)

    def run(
        self,
        inputs: Mapping[str, Any],
        function: str | None = None,
        observe: Observe | None = None,
        compute: Compute = "declared",
    ) -> dict[str, np.ndarray]:
        """Run an entry point.

        Args:
            inputs: value by input name: arrays as ``inputs()`` says, uint8[H, W, 3] in RGB order or uint8[H, W] for
                images (PIL images are taken too). Optional ones may be left out: they have their default value then.
            function: entry point, the package's default one if None.
            observe: called with operator, output name and value after every operation; must not change the value.
            compute: ``float32`` leaves out all rounding to float16, to tell its effects from a wrong operator.

        Returns:
            Array by output name; images as uint8 or float16 [H, W], or uint8[H, W, 3] in RGB order.

        Raises:
            UsageError: if inputs are missing, unknown, or of a shape or type that the package does not take.
            ArtifactError: if the program contradicts itself while running.
            UnsupportedOpError: if an operation needs a mode that is not specified.
        """
        entry = self._entry(function)
        features = {feature.name: feature for feature in entry.inputs}
        given = fit_inputs(entry.inputs, inputs)
        ordered = [features[item.name].to_tensor(given[item.name]) for item in entry.compiled.plan.inputs]
        results = execute(entry.compiled, ordered, Run(compute == "declared", observe))
        named = {name: value for (name, _, _), value in zip(entry.compiled.plan.outputs, results, strict=True)}
        return {feature.name: feature.to_array(_detached(named[feature.name])) for feature in entry.outputs}

    def _entry(self, function: str | None) -> _Entry:
        name = self.default_function if function is None else function
        if name not in self._entries:
            raise UsageError(f"Expected one of the functions {', '.join(self._entries)}; got {name!r}.")
        return self._entries[name]


def _detached(value: Tensor) -> Tensor:
    """Return a tensor of its own: an output may be an input or a constant of the model."""
    return value.clone()


def load(path: str | Path, *, computed_weights: bool = False) -> Model:
    """Load any ML program package (``.mlpackage``, iOS 15 and later) and check it.

    Args:
        path: the package folder.
        computed_weights: take convolutions whose weights are computed, in operator sets before iOS 17. Core ML runs
            them on the CPU alone, so that they are refused unless asked for.

    Raises:
        ArtifactError: if the package is damaged, or Core ML would refuse it.
        UnsupportedOpError: if it uses an operator or a kind of value that this runtime does not execute.
        MissingExtraError: if coremltools, which holds the format's definition, is not installed.
    """
    package = read_package(Path(path))
    return _model(package, parse_functions(package.specification.mlProgram, package.blobs), computed_weights)


def load_damaged(path: Path) -> Model:
    """Load a package whose weights may be unreadable: those that are become NaN, so that what needs them shows.

    Raises:
        ArtifactError: if more than weights is damaged.
    """
    package = read_package(path)
    return _model(package, parse_functions(package.specification.mlProgram, package.blobs_or_nan), False)


def _model(package: Package, functions: dict[str, Function], computed_weights: bool) -> Model:
    specification = package.specification
    constants = Constants()
    default = specification.description.defaultFunctionName or "main"
    if default not in functions:
        raise ArtifactError(f"Expected the default function {default!r} in the program; found {list(functions)}.")
    entries = {name: _entry(package, function, constants, computed_weights) for name, function in functions.items()}
    return Model(package.path, entries, default)


def _entry(package: Package, function: Function, constants: Constants, computed_weights: bool) -> _Entry:
    description = _description(package.specification.description, function.name)
    version = package.specification.specificationVersion
    compiled = compile_function(function, version, constants, computed_weights=computed_weights)
    entering = {item.name: item.type for item in compiled.plan.inputs}
    leaving: dict[str, TensorType] = {name: declared for name, declared, _ in compiled.plan.outputs}
    place = f"of function '{function.name}'"
    inputs = parse_features(description.input, entering, f"inputs {place}", entering=True)
    check_interface(inputs, version, f"inputs {place}")
    return _Entry(compiled, inputs, parse_features(description.output, leaving, f"outputs {place}", entering=False))


def _description(description: Any, name: str) -> Any:
    if not description.functions:
        return description
    for item in description.functions:
        if item.name == name:
            return item
    raise ArtifactError(f"Expected function '{name}' to be described in the package; found no description of it.")
