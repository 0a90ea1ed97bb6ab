"""A wheel carries what `package` takes from ``runtimes/``, and every target states what becomes of it in apps."""

import tomllib
from pathlib import Path

import pytest

from pam_edge import runtimes
from pam_edge.delivery.bundle import library
from pam_edge.targets import FACTS
from pam_edge.terms import Platform

ROOT = Path(__file__).parents[3]
REAL = Path(runtimes.__file__).parent


def matched(table: str) -> set[Path]:
    """Return the files on disk that a table of patterns in pyproject.toml names, below ``runtimes/``."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][table]["pam_edge.runtimes"]
    return {file for pattern in patterns for file in REAL.glob(pattern) if file.is_file()}


@pytest.mark.parametrize("platform", Platform)
def test_a_wheel_carries_what_package_takes_and_no_tests(monkeypatch, platform):
    monkeypatch.setattr(library, "RUNTIMES", REAL)
    taken = set(library.library_files(platform).values())
    carried = matched("package-data") - matched("exclude-package-data")
    assert taken - carried == set()


@pytest.mark.parametrize("target", FACTS)
def test_every_target_states_what_becomes_of_it_on_every_platform(target):
    shipping = FACTS[target].shipping
    assert set(shipping) == set(Platform)
    assert all(bool(each.refused) != bool(each.needs) for each in shipping.values())
