"""What each operator set says about an operator's inputs, read from coremltools' own declarations.

Core ML's compiler is not available off macOS; these declarations are what coremltools itself builds and checks ML
programs with: which inputs exist in which operator set, which must be constants, and which types they take.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from pam_edge.errors import ArtifactError, MissingExtraError
from pam_edge.runtimes.coreml.types import DType

SPECIFICATION_OF_OPSET: dict[str, int] = {
    "CoreML5": 6,
    "CoreML6": 7,
    "CoreML7": 8,
    "CoreML8": 9,
    "CoreML9": 10,
}
"""Lowest specification version that knows an operator set: iOS 15, 16, 17, 18 and 26."""


@dataclass(frozen=True, slots=True)
class InputRule:
    """Rule for one input of an operator.

    Attributes:
        constant: must be known when the model is compiled.
        optional: may be left out.
        many: takes a list of values (``concat``'s ``values``).
        dtypes: element types it takes; empty if any.
        domain: inputs of one domain must have one type; None if on its own.
    """

    constant: bool
    optional: bool
    many: bool
    dtypes: frozenset[DType]
    domain: str | None


Schema = dict[str, InputRule]


def opset_version(opset: str, specification: int) -> int:
    """Return the specification version that introduced an operator set.

    Raises:
        ArtifactError: if the set is unknown, or newer than the package's specification version.
    """
    if opset not in SPECIFICATION_OF_OPSET:
        raise ArtifactError(
            f"Expected one of the operator sets {', '.join(SPECIFICATION_OF_OPSET)}; found {opset!r}. Update pam-edge, "
            "or convert for an older target."
        )
    version = SPECIFICATION_OF_OPSET[opset]
    if version > specification:
        raise ArtifactError(
            f"Expected specification version {version} or later for the operator set {opset}; found {specification}: "
            "Core ML refuses such a package. Convert again."
        )
    return version


@functools.cache
def schema_of(kind: str, version: int) -> Schema | None:
    """Return the input rules of operator ``kind`` in an operator set, None if that set has no such operator."""
    variants = _registry().get(kind, {})
    known = [target for target in variants if int(target.value) <= version]
    if not known:
        return None
    declaration = variants[max(known, key=lambda target: int(target.value))]
    inputs = declaration.input_spec.input_types.items()
    return {name: _rule(rule, declaration.type_domains) for name, rule in inputs if not name.startswith("_")}


@functools.cache
def first_version(kind: str) -> int | None:
    """Return the specification version in which operator ``kind`` first appears, None if in none."""
    versions = [int(target.value) for target in _registry().get(kind, {})]
    # Sets before iOS 15 were for the older neural network format; an ML program's first is iOS 15's.
    return max(min(versions), SPECIFICATION_OF_OPSET["CoreML5"]) if versions else None


def _registry() -> dict[str, dict[Any, Any]]:
    try:
        from coremltools.converters.mil.mil.ops import defs  # noqa: F401  (fills the registry)
        from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry
    except ImportError as error:
        raise MissingExtraError(
            'Expected coremltools to read a Core ML package; it is not installed. Run `pip install "pam-edge[coreml]"`.'
        ) from error
    registry: dict[str, dict[Any, Any]] = SSAOpRegistry.core_ops
    return registry


def _rule(declared: Any, domains: dict[str, tuple[Any, ...]]) -> InputRule:
    many = type(declared).__name__ == "TupleInputType"
    domain = getattr(declared, "type_domain_id", None)
    accepted = domains.get(domain, ()) if domain else getattr(declared, "type_domain", ())
    return InputRule(bool(declared.const), bool(declared.optional), many, _dtypes(accepted), domain)


def _dtypes(accepted: Any) -> frozenset[DType]:
    from coremltools.converters.mil.mil.types import builtin_to_string

    names = {"str": "string"}
    values = {dtype.value for dtype in DType}
    found = (builtin_to_string(item) for item in accepted)
    return frozenset(DType(names.get(name, name)) for name in found if names.get(name, name) in values)
