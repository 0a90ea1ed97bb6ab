# mypy: allow-untyped-calls
"""Runs coremltools' own operator tests, whose expected values Core ML confirmed on macOS, on the reference runtime."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import coremltools
import pytest

SUITE = Path(coremltools.__file__).parent / "converters/mil/mil/ops/tests"
MODULES = {
    "iOS14/test_activation.py": 40,
    "iOS14/test_conv.py": 12,
    "iOS14/test_elementwise_unary.py": 8,
    "iOS14/test_image_resizing.py": 12,
    "iOS14/test_normalization.py": 20,
    "iOS14/test_pool.py": 6,
    "iOS14/test_reduction.py": 8,
    "iOS14/test_tensor_operation.py": 28,
    "iOS16/test_constexpr_ops.py": 18,
    "iOS16/test_scatter_gather.py": 12,
    "iOS17/test_image_resizing.py": 25,
    "iOS17/test_quantization.py": 9,
    "iOS18/test_compression.py": 40,
}
"""Test module and the least number of comparisons that must have taken place."""


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_operators_equal_core_ml(module, tmp_path):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "vendor_plugin", "-p", "no:cacheprovider", "-c", os.devnull]
    ended = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "--disable-warnings", "--tb=short", str(SUITE / module)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
    compared = re.search(r"COMPARED=(\d+)", ended.stdout)
    assert compared is not None
    assert int(compared.group(1)) >= MODULES[module]
