"""A pytest plugin: lets coremltools' own operator tests run on Linux, with the reference runtime in Core ML's place.

Those tests hold values that Core ML itself computed on macOS; off macOS coremltools skips the comparison.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pam_edge.errors import UnsupportedOpError
from pam_edge.runtimes.coreml import load

COMPARED: Counter[str] = Counter()


def predict(mlmodel: Any, data: dict[str, Any], state: object = None) -> dict[str, np.ndarray]:
    """Stand in for ``MLModel.predict``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.mlpackage"
        mlmodel.save(str(path))
        try:
            model = load(path, computed_weights=True)
            dtypes = {feature.name: feature.dtype for feature in model.inputs()}
            # coremltools casts inputs to the model's types before it calls Core ML.
            return model.predict({name: np.asarray(value).astype(dtypes[name]) for name, value in data.items()})
        except UnsupportedOpError as error:
            COMPARED["unsupported"] += 1
            pytest.skip(str(error))


def compare(
    mlmodel: Any,
    input_key_values: dict[str, Any],
    expected_outputs: dict[str, Any],
    dtype: str = "fp32",
    atol: float = 1e-4,
    rtol: float = 1e-5,
    also_compare_shapes: bool = True,
    state: object = None,
    allow_mismatch_ratio: float = 0.0,
) -> None:
    """Stand in for coremltools' ``compare_backend``, with its tolerances."""
    found = predict(mlmodel, input_key_values)
    if dtype == "fp16":
        atol, rtol = max(atol * 100, 0.5), max(rtol * 100, 0.05)
    for name, expected in expected_outputs.items():
        if also_compare_shapes and np.shape(expected):
            assert found[name].shape == np.shape(expected)
        np.testing.assert_allclose(found[name], expected, atol=atol, rtol=rtol)
    COMPARED["compared"] += 1


def pytest_configure() -> None:
    import coremltools
    import coremltools.converters.mil.mil.ops.tests.testing_utils as operator_tests
    import coremltools.converters.mil.testing_utils as converter_tests

    coremltools.models.MLModel.predict = predict
    operator_tests.compare_backend = compare
    converter_tests.compare_backend = compare


def _is_ml_program(item: pytest.Item) -> bool:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return getattr(parameters.get("backend"), "backend", "mlprogram") == "mlprogram"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep ML programs, and of each test function an even choice of a few parametrisations."""
    most = int(os.environ.get("VENDOR_CASES_PER_TEST", "4"))
    kept = [item for item in items if _is_ml_program(item)]
    total = Counter(item.nodeid.split("[")[0] for item in kept)
    seen: Counter[str] = Counter()
    chosen = []
    for item in kept:
        name = item.nodeid.split("[")[0]
        seen[name] += 1
        if seen[name] % max(1, total[name] // most) == 0:
            chosen.append(item)
    items[:] = chosen


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"COMPARED={COMPARED['compared']} UNSUPPORTED={COMPARED['unsupported']}")
