"""What ``import pam_edge`` offers: README's lines hold, and wrong types are told in one paragraph."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

import pam_edge
from pam_edge.errors import UsageError

README = (Path(__file__).parents[1] / "README.md").read_text()
CODE = "\n".join(re.findall(r"^    .*$", README, re.MULTILINE))
IMAGE, TRIMAP = np.zeros((64, 64, 3), np.uint8), np.full((64, 64), 128, np.uint8)


def test_readme_calls_what_the_package_offers():
    used = set(re.findall(r"\bpam_edge\.(\w+)[\w.]*\(", CODE))
    assert {"plan", "matte"} <= used <= set(pam_edge.__all__)


def test_readme_imports_what_exists():
    imports = re.findall(r"from (pam_edge[\w.]*) import (\w+)", CODE)
    assert ("pam_edge.runtimes", "coreml") in imports
    for module, name in imports:
        assert hasattr(importlib.import_module(module), name) or importlib.import_module(f"{module}.{name}")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pam_edge.matte(IMAGE, TRIMAP, "pam-minute", 0.5), "budget.*got 0.5"),
        (lambda: pam_edge.matte(IMAGE, TRIMAP, "pam-minute", ["80%"]), "budget.*got "),
        (lambda: pam_edge.matte(IMAGE, TRIMAP, {"an": "artifact"}), "model.*expected a path"),
        (lambda: pam_edge.plan("pam-minute", [80]), "budget.*got 80"),  # type: ignore[list-item]
        (lambda: pam_edge.plan("pam-minute", 80), "budgets.*got 80"),
        (lambda: pam_edge.plan("pam-minute", size=64.0), r"^size.*got 64\.0"),
        (lambda: pam_edge.plan("pam-minute", size=(64, 64, 64)), r"^size.*got \(64"),
        (lambda: pam_edge.plan("pam-minute", size=500), "^size.*multiples of 32"),
        (lambda: pam_edge.convert(None), "^target.*got None"),
        (lambda: pam_edge.convert("tflite", mode="probe"), "^mode probe"),
        (lambda: pam_edge.convert("tflite", "pam-minute", []), "got none"),
        (lambda: pam_edge.convert("tflite", "pam-minute", out=None), "^out.*got None"),
        (lambda: pam_edge.open_artifact(None), "^directory.*got None"),
        (lambda: pam_edge.open_artifact(5), "^directory.*got 5"),
        (lambda: pam_edge.open_artifact(b"build"), "^directory.*got b'build'"),
        (lambda: pam_edge.verify(None), "^directory.*got None"),
        (lambda: pam_edge.assert_parity(None), "^directory.*got None"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words_that_hold_in_python(call, words):
    with pytest.raises(UsageError, match=words) as refused:
        call()
    assert "--" not in str(refused.value)


def test_a_single_budget_and_a_size_in_text_are_taken_as_on_the_command_line():
    one = pam_edge.plan("pam-minute", "80%", size="64x96")
    assert [str(plan.budget) for plan in one.plans] == ["80%"]
    assert (one.conditions.height, one.conditions.width) == (64, 96)
