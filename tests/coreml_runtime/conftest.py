"""Builds ML programs with coremltools' MIL builder, saves them, and executes the saved packages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

ct = pytest.importorskip("coremltools", reason="the Core ML extra is not installed")

from coremltools.converters.mil import mil  # noqa: E402
from coremltools.converters.mil.mil import Builder as mb  # noqa: E402
from coremltools.converters.mil.mil import Function, types  # noqa: E402

from pam_edge.runtimes.coreml import Model, load  # noqa: E402

_TYPES = {"float32": types.fp32, "float16": types.fp16, "int32": types.int32}


class Case(NamedTuple):
    """One operator in one mode: inputs, how to build it, and the value it must have by another way of computing."""

    name: str
    inputs: dict[str, np.ndarray]
    build: Callable[..., Any]
    expected: Callable[..., Any]


def save_program(path: Path, inputs: dict[str, np.ndarray], build: Callable[..., Any], opset: Any) -> Path:
    """Build a program of named inputs and outputs without any graph pass, and save it.

    ``build`` takes the input values by name and returns output values by name.
    """
    program = mil.Program()
    placeholders = {name: mb.placeholder(a.shape, dtype=_TYPES[str(a.dtype)]) for name, a in inputs.items()}
    with Function(placeholders, opset_version=opset) as function:
        outputs = build(**function.inputs)
        function.set_outputs([_outgoing(name, value) for name, value in outputs.items()])
        program.add_function("main", function)
    model = ct.convert(
        program,
        convert_to="mlprogram",
        pass_pipeline=ct.PassPipeline.EMPTY,
        compute_precision=ct.precision.FLOAT32,
        minimum_deployment_target=opset,
        skip_model_load=True,
    )
    model.save(str(path))
    return path


def _outgoing(name: str, value: Any) -> Any:
    """Give an output its name, and a type that models may return."""
    if value.dtype in (types.fp32, types.int32, types.fp16):
        return mb.identity(x=value, name=name)
    return mb.cast(x=value, dtype="fp32" if value.dtype == types.bool else "int32", name=name)


class Programs:
    """Runs many cases in one package, and remembers what came out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._values: dict[int, dict[str, np.ndarray]] = {}

    def values(self, cases: Sequence[Case], case: Case, opset: Any) -> list[np.ndarray]:
        """Return the outputs of one case; all cases are built, saved and executed at the first call."""
        if id(cases) not in self._values:
            self._values[id(cases)] = self._run(cases, opset)
        found = self._values[id(cases)]
        return [value for name, value in found.items() if name.rsplit("__", 1)[0] == _identifier(case.name)]

    def _run(self, cases: Sequence[Case], opset: Any) -> dict[str, np.ndarray]:
        inputs = {f"{_identifier(case.name)}__{key}": a for case in cases for key, a in case.inputs.items()}

        def build(**values: Any) -> dict[str, Any]:
            outputs: dict[str, Any] = {}
            for case in cases:
                built = case.build(**{key: values[f"{_identifier(case.name)}__{key}"] for key in case.inputs})
                results = built if isinstance(built, (tuple, list)) else (built,)
                outputs |= {f"{_identifier(case.name)}__{i}": value for i, value in enumerate(results)}
            return outputs

        renamed = {f"in_{name}": a for name, a in inputs.items()}
        path = save_program(
            self._folder / f"{len(self._values)}.mlpackage",
            renamed,
            lambda **values: build(**{name.removeprefix("in_"): value for name, value in values.items()}),
            opset,
        )
        return load(path).predict(renamed)


def _identifier(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return Programs(tmp_path_factory.mktemp("programs"))


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that saves a program and returns its path."""

    def save_one(inputs: dict[str, np.ndarray], build: Callable[..., Any], opset: Any = ct.target.iOS16) -> Path:
        return save_program(tmp_path / "model.mlpackage", inputs, build, opset)

    return save_one


@pytest.fixture
def run(save: Callable[..., Path]) -> Callable[..., dict[str, np.ndarray]]:
    """Return a function that saves, loads and executes a program."""

    def run_one(
        inputs: dict[str, np.ndarray], build: Callable[..., Any], opset: Any = ct.target.iOS16
    ) -> dict[str, np.ndarray]:
        model: Model = load(save(inputs, build, opset))
        return model.predict(inputs)

    return run_one


@pytest.fixture(scope="session")
def case_type() -> type[Case]:
    return Case
