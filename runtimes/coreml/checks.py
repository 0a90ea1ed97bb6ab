"""What Core ML refuses in an operation: unknown or missing inputs, wrong element types, computed constants."""

from __future__ import annotations

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.coreml.operator import COMPUTED, Operator
from pam_edge.runtimes.coreml.plan import Plan, Value
from pam_edge.runtimes.coreml.program import Operation
from pam_edge.runtimes.coreml.schema import Schema
from pam_edge.runtimes.coreml.types import DType, TensorType

_UNIFORM = frozenset({"concat", "stack", "einsum"})
"""Operators whose listed values must have one element type."""

_TYPE_PARAMETERS = ("dtype", "output_dtype", "output_indices_dtype")


def check_arguments(kind: str, arguments: dict[str, list[Value]], schema: Schema, place: str) -> None:
    """Check names, number, constness and element types of an operation's inputs.

    Raises:
        ArtifactError: at the first that Core ML would not take.
    """
    unknown = sorted(set(arguments) - set(schema))
    missing = sorted(name for name, rule in schema.items() if not rule.optional and name not in arguments)
    if unknown or missing:
        raise ArtifactError(
            f"Expected the inputs {', '.join(schema)} at {place}; found unknown {unknown} and missing {missing}. "
            "Convert again with a matching target."
        )
    domains: dict[str, DType] = {}
    for name, values in arguments.items():
        rule = schema[name]
        if not rule.many and len(values) != 1:
            raise ArtifactError(f"Expected one value as '{name}' of {place}; found {len(values)}. Convert again.")
        if rule.constant and not all(value.fixed for value in values):
            raise ArtifactError(f"Expected a constant as '{name}' of {place}; found a computed value. Convert again.")
        for value in values if not rule.many else []:
            _check_dtype(name, value.type.dtype, rule.dtypes, place)
            if rule.domain and domains.setdefault(rule.domain, value.type.dtype) is not value.type.dtype:
                raise ArtifactError(
                    f"Expected '{name}' of {place} to be {domains[rule.domain].value} like the other inputs; found "
                    f"{value.type.dtype.value}. Convert again."
                )
        if kind in _UNIFORM and rule.many and len({value.type.dtype for value in values}) > 1:
            kinds = ", ".join(value.type.dtype.value for value in values)
            raise ArtifactError(f"Expected values of one type at {place}; found {kinds}. Convert again.")


def _check_dtype(name: str, dtype: DType, accepted: frozenset[DType], place: str) -> None:
    if accepted and dtype not in accepted:
        wanted = ", ".join(sorted(item.value for item in accepted))
        raise ArtifactError(f"Expected '{name}' of {place} to be one of {wanted}; found {dtype.value}. Convert again.")


def check_results(operation: Operation, operator: Operator, arguments: dict[str, list[Value]], place: str) -> None:
    """Check that outputs are declared to be of the element types that the inputs make them.

    Raises:
        ArtifactError: at the first that is not.
    """
    for index, declared in enumerate(operation.outputs):
        rule = operator.results[min(index, len(operator.results) - 1)]
        wanted = _wanted(rule, arguments)
        if wanted is not None and declared.type.dtype is not wanted:
            raise ArtifactError(
                f"Expected '{declared.name}' of {place} to be declared {wanted.value}, which its inputs make it; found "
                f"{declared.type.dtype.value}. Convert again."
            )


def _wanted(rule: str | DType | None, arguments: dict[str, list[Value]]) -> DType | None:
    if isinstance(rule, DType):
        return rule
    if rule == COMPUTED:
        x, y = arguments["x"][0], arguments["y"][0]
        return y.type.dtype if x.fixed and not y.fixed else x.type.dtype
    if rule is not None:
        return arguments[rule][0].type.dtype if rule in arguments else None
    for name in _TYPE_PARAMETERS:
        constant = arguments[name][0].constant if name in arguments else None
        if constant is not None:
            return DType(str(constant.data.item()))
    return None


def check_control(operation: Operation, arguments: dict[str, list[Value]], blocks: list[Plan], place: str) -> None:
    """Check that the blocks of control flow take and give what the operation does.

    Raises:
        ArtifactError: if they do not.
    """
    if len(blocks) != 2:
        raise ArtifactError(f"Expected two blocks at {place}; found {len(blocks)}. Convert again.")
    checked = blocks if operation.kind == "cond" else blocks[1:]
    for plan in checked:
        found = [declared for _, declared, _ in plan.outputs]
        _check_same([item.type for item in operation.outputs], found, f"the outputs of a block of {place}")
    if operation.kind == "while_loop":
        entering = [value.type for value in arguments["loop_vars"]]
        for plan in blocks:
            _check_same(entering, [item.type for item in plan.inputs], f"the inputs of a block of {place}")
        test = [declared for _, declared, _ in blocks[0].outputs]
        # A loop's test may be a scalar or a vector of one.
        wanted = TensorType(DType.BOOL, (1,) if len(test) == 1 and test[0].shape == (1,) else ())
        _check_same([wanted], test, f"the test of {place}")


def _check_same(wanted: list[TensorType], found: list[TensorType], place: str) -> None:
    same = len(wanted) == len(found) and all(_compatible(a, b) for a, b in zip(wanted, found, strict=True))
    if not same:
        raise ArtifactError(
            f"Expected {', '.join(map(str, wanted))} as {place}; found {', '.join(map(str, found))}. Convert again."
        )


def _compatible(a: TensorType, b: TensorType) -> bool:
    if a.dtype is not b.dtype or a.shape is None or b.shape is None:
        return a.dtype is b.dtype
    if len(a.shape) != len(b.shape):
        return False
    return all(m is None or n is None or m == n for m, n in zip(a.shape, b.shape, strict=True))
