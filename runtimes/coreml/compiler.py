"""Turns a parsed function into steps that the executor runs, and refuses what Core ML would refuse.

Names become slots, constants become tensors once, and each step knows which slots hold values for the last time.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pam_edge.errors import ArtifactError, UnsupportedOpError
from pam_edge.runtimes.coreml.checks import check_arguments, check_control, check_results
from pam_edge.runtimes.coreml.plan import Compiled, Output, Plan, Source, Step, Value, mark_last_uses
from pam_edge.runtimes.coreml.program import Binding, Block, Constant, Function, NamedType, Operation
from pam_edge.runtimes.coreml.schema import Schema, opset_version, schema_of
from pam_edge.runtimes.coreml.table import CONTROL, OPERATORS
from pam_edge.runtimes.coreml.types import FLOATS, HELD, DType, hold, round_to_float16

FIRST_OPSET_WITH_FREE_WEIGHTS = 8
"""From iOS 17 on the weights of convolutions may be computed; before, only the CPU took them in some forms."""

SETTINGS = (DType.INT32, DType.UINT32, DType.INT16, DType.UINT16)


class Constants:
    """Tensors of constants, one for each place in a weight file, shared by all functions of a package."""

    def __init__(self) -> None:
        self._shared: dict[tuple[tuple[str, int], tuple[int, ...]], Tensor] = {}

    def tensor(self, constant: Constant) -> Tensor:
        """Return the constant as the executor holds it."""
        if constant.key is None:
            return hold(constant.data)
        key = (constant.key, constant.data.shape)
        if key not in self._shared:
            self._shared[key] = hold(constant.data)
        return self._shared[key]


def compile_function(
    function: Function, specification: int, constants: Constants, *, computed_weights: bool = False
) -> Compiled:
    """Resolve names, check types and constness, and make a plan.

    Args:
        function: parsed function.
        specification: the package's specification version.
        constants: shared by the functions of a package.
        computed_weights: take convolutions with computed weights below iOS 17 too.

    Raises:
        ArtifactError: if a name is dangling or defined twice, an operator or argument is unknown to the operator set,
            an argument must be constant and is not, or declared types do not fit together.
        UnsupportedOpError: if an operator is not in the table.
    """
    version = opset_version(function.opset, specification)
    compiler = _Compiler(function.name, function.opset, version, constants)
    compiler.computed_weights |= computed_weights
    plan = compiler.block(function.block, _Scope(None), f"function '{function.name}'", function.inputs)
    return Compiled(function.name, version, plan, compiler.slots)


class _Scope:
    """Names visible in a block: its own and those of the blocks around it."""

    def __init__(self, outer: _Scope | None) -> None:
        self._outer = outer
        self._own: dict[str, Value] = {}

    def define(self, name: str, value: Value, place: str) -> None:
        if name in self._own:
            raise ArtifactError(f"Expected each name to be defined once; found '{name}' again at {place}.")
        self._own[name] = value

    def look_up(self, name: str, place: str) -> Value:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope._own:
                return scope._own[name]
            scope = scope._outer
        raise ArtifactError(f"Expected '{name}' to be defined before {place} uses it; found no such value.")


class _Compiler:
    def __init__(self, function: str, opset: str, version: int, constants: Constants) -> None:
        self.slots = 0
        self._function = function
        self._opset = opset
        self._version = version
        self._constants = constants
        self.computed_weights = version >= FIRST_OPSET_WITH_FREE_WEIGHTS

    def block(self, block: Block, scope: _Scope, place: str, inputs: tuple[NamedType, ...] = ()) -> Plan:
        entering = [self._define(item, scope, place) for item in (*inputs, *block.inputs)]
        steps = [step for operation in block.operations if (step := self._operation(operation, scope))]
        leaving = []
        for name in block.outputs:
            value = scope.look_up(name, f"the outputs of {place}")
            if value.source is None:
                raise ArtifactError(f"Expected tensors to leave {place}; found '{name}', a constant of strings.")
            leaving.append((name, value.type, value.source))
        mark_last_uses(steps, {source for _, _, source in leaving if isinstance(source, int)}, entering)
        return Plan(steps, entering, leaving)

    def _define(self, item: NamedType, scope: _Scope, place: str) -> Output:
        if item.type.dtype is DType.STRING:
            raise UnsupportedOpError(f"The runtime takes tensors of numbers; '{item.name}' at {place} holds strings.")
        slot = self.slots
        self.slots += 1
        scope.define(item.name, Value(item.type, slot), place)
        return Output(slot, item.name, item.type)

    def _operation(self, operation: Operation, scope: _Scope) -> Step | None:
        place = f"{operation.label} in function '{self._function}'"
        if operation.kind == "const":
            self._const(operation, scope, place)
            return None
        if operation.kind not in OPERATORS and operation.kind not in CONTROL:
            raise UnsupportedOpError(
                f"The reference runtime has no operator {operation.kind!r}, needed for {place}. It cannot check this "
                "model; Core ML itself on macOS can."
            )
        arguments = self._arguments(operation, scope, place)
        schema = schema_of(operation.kind, self._version)
        if schema is None:
            raise ArtifactError(
                f"Expected operators of the set {self._opset}; found {place}, which that set does not have. Convert "
                "for a later target."
            )
        check_arguments(operation.kind, arguments, schema, place)
        self._check_weights(operation.kind, arguments, place)
        if operation.kind.startswith("constexpr_"):
            self._fold(operation, arguments, schema, scope, place)
            return None
        return self._step(operation, arguments, schema, scope, place)

    def _const(self, operation: Operation, scope: _Scope, place: str) -> None:
        value = operation.attributes.get("val")
        if value is None or len(operation.outputs) != 1:
            raise ArtifactError(f"Expected one output and a value; found neither or more at {place}.")
        declared = operation.outputs[0]
        if value.type != declared.type:
            raise ArtifactError(f"Expected a constant {declared.type} at {place}; found {value.type}. Convert again.")
        scope.define(declared.name, self._literal(value), place)

    def _literal(self, constant: Constant) -> Value:
        source = None if constant.type.dtype is DType.STRING else self._constants.tensor(constant)
        return Value(constant.type, source, constant, True)

    def _arguments(self, operation: Operation, scope: _Scope, place: str) -> dict[str, list[Value]]:
        found = {key: [self._bound(item, scope, place) for item in items] for key, items in operation.inputs.items()}
        if operation.kind.startswith("constexpr_"):
            # Up to iOS 17 the arguments of compressed constants are attributes.
            found |= {key: [self._literal(value)] for key, value in operation.attributes.items()}
        return found

    def _bound(self, binding: Binding, scope: _Scope, place: str) -> Value:
        return self._literal(binding) if isinstance(binding, Constant) else scope.look_up(binding, place)

    def _check_weights(self, kind: str, arguments: dict[str, list[Value]], place: str) -> None:
        if kind in ("conv", "conv_transpose") and not self.computed_weights and not arguments["weight"][0].fixed:
            raise ArtifactError(
                f"Expected constant weights at {place}; found computed ones, which the GPU and the Neural Engine do "
                f"not take in the set {self._opset}. Convert so that weights stay constants."
            )

    def _fold(
        self, operation: Operation, arguments: dict[str, list[Value]], schema: Schema, scope: _Scope, place: str
    ) -> None:
        operator = OPERATORS[operation.kind]
        check_results(operation, operator, arguments, place)
        fixed, single, many = _bind(arguments, schema, place)
        if single or many:
            raise ArtifactError(f"Expected constants alone at {place}; found computed values. Convert again.")
        try:
            result = operator.kernel(**fixed)
        except (RuntimeError, ValueError, IndexError, TypeError, ArtifactError) as error:
            raise ArtifactError(f"Expected a valid compressed constant at {place}; found: {error}.") from error
        tensors = [result] if isinstance(result, Tensor) else list(result)
        for declared, tensor in zip(operation.outputs, tensors, strict=True):
            scope.define(declared.name, Value(declared.type, _conform(tensor, declared, place), None, True), place)

    def _step(
        self, operation: Operation, arguments: dict[str, list[Value]], schema: Schema, scope: _Scope, place: str
    ) -> Step:
        operator = OPERATORS.get(operation.kind)
        if operator is not None:
            check_results(operation, operator, arguments, place)
        fixed, single, many = _bind(arguments, schema, place)
        if "validate_indices" in schema:
            # Its presence tells kernels that negative indices no longer count from the end (iOS 17 and later).
            fixed.setdefault("validate_indices", False)
        blocks = [
            self.block(block, _Scope(scope), f"block {index} of {place}")
            for index, block in enumerate(operation.blocks)
        ]
        if operation.kind in CONTROL:
            check_control(operation, arguments, blocks, place)
        outputs = [self._define(item, scope, place) for item in operation.outputs]
        return Step(operation.kind, place, operator, fixed, single, many, outputs, blocks)


def _conform(tensor: Tensor, declared: NamedType, place: str) -> Tensor:
    """Return a compressed constant's value as declared."""
    if not declared.type.accepts(tuple(tensor.shape)):
        raise ArtifactError(f"Expected {declared.type} at {place}; found shape {list(tensor.shape)}. Convert again.")
    tensor = tensor.to(HELD[declared.type.dtype])
    return round_to_float16(tensor) if declared.type.dtype is DType.FP16 else tensor


def _bind(
    arguments: dict[str, list[Value]], schema: Schema, place: str
) -> tuple[dict[str, Any], list[tuple[str, int]], list[tuple[str, list[Source]]]]:
    """Sort arguments into fixed ones, computed ones and lists of values."""
    fixed: dict[str, Any] = {}
    single: list[tuple[str, int]] = []
    many: list[tuple[str, list[Source]]] = []
    for name, values in arguments.items():
        if schema[name].many:
            sources = [value.source for value in values if value.source is not None]
            many.append((name, sources))
        elif schema[name].constant and _is_parameter(values[0].constant, schema[name].dtypes):
            constant = values[0].constant
            assert constant is not None
            fixed[name] = constant.data.tolist()
        elif isinstance(values[0].source, int):
            single.append((name, values[0].source))
        elif values[0].source is None:
            raise ArtifactError(f"Expected a tensor as '{name}' of {place}; found strings. Convert again.")
        else:
            fixed[name] = values[0].source
    if all(isinstance(source, Tensor) for _, sources in many for source in sources):
        fixed |= dict(many)
        many = []
    return fixed, single, many


def _is_parameter(constant: Constant | None, accepted: frozenset[DType]) -> bool:
    """Tell whether a constant is handed to kernels as Python values: text, settings and scalars, not weights."""
    if constant is None:
        return False
    if constant.type.dtype is DType.STRING or constant.data.ndim == 0:
        return True
    # Lists of settings are integers or truth values by declaration; weights may be floats as well.
    return constant.type.dtype in (DType.BOOL, *SETTINGS) and not accepted & FLOATS and constant.data.ndim <= 2
