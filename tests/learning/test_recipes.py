"""The scripts beside the recipes."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from pam_edge.evaluation.datasets import Sample
from pam_edge.supernet.checkpoint import load_checkpoint, untrained_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import variant

RECIPES = Path(__file__).parents[2] / "recipes"


def script(name):
    spec = importlib.util.spec_from_file_location(f"recipes_{name}", RECIPES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


lease, oracle = script("lease"), script("oracle")


@pytest.mark.parametrize("size", [1, 9, 10, 11, 35])
def test_a_state_travels_in_small_parts_and_is_whole_again(tmp_path, monkeypatch, size):
    monkeypatch.setattr(lease, "PART_BYTES", 10)
    content = bytes(range(size))
    (tmp_path / "state.pt").write_bytes(content)
    parts = lease.split(tmp_path / "state.pt", tmp_path / "out")
    assert len(parts) == -(-size // 10)
    assert max(part.stat().st_size for part in parts) <= 10
    assert lease.join(tmp_path / "out", "state.pt", tmp_path / "there" / "state.pt")
    assert (tmp_path / "there" / "state.pt").read_bytes() == content


def test_parts_of_an_earlier_state_do_not_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "PART_BYTES", 2)
    for content in (b"a long state", b"now"):
        (tmp_path / "state.pt").write_bytes(content)
        lease.split(tmp_path / "state.pt", tmp_path / "out")
    lease.join(tmp_path / "out", "state.pt", tmp_path / "again.pt")
    assert (tmp_path / "again.pt").read_bytes() == b"now"


def test_nothing_is_joined_where_there_is_nothing(tmp_path):
    assert not lease.join(tmp_path, "state.pt", tmp_path / "state.pt")
    assert not (tmp_path / "state.pt").exists()


def test_choosing_gains_what_pictures_differ_in():
    errors = np.array([[1.0, 2.0], [2.0, 1.0]])
    assert oracle.find_gap(errors, errors) == oracle.Gap(single=1.5, oracle=1.0, transferred=1.0)


def test_a_choice_that_was_luck_gains_nothing_where_it_was_not_made():
    errors = np.array([[1.0, 2.0], [2.0, 1.0]])
    assert oracle.find_gap(errors, errors[::-1]) == oracle.Gap(single=1.5, oracle=1.0, transferred=2.0)


@pytest.mark.parametrize("share", oracle.SHARES.values())
def test_paths_within_a_budget_are_within_it_and_the_best_come_first(share):
    checkpoint = load_checkpoint("pam-tiny")
    paths = oracle.paths_within(checkpoint, share, 8)
    errors = [checkpoint.training.path_errors[str(path)] for path in paths]
    assert len(paths) == 8
    assert errors == sorted(errors)
    costs = oracle.mac_cost_table(checkpoint.config, 512, 512)
    full = costs.cost(PathSpec.full(checkpoint.config.block_count))
    assert max(costs.cost(path) for path in paths) <= share * full * (1 + 1e-6)


def test_every_path_is_measured_on_every_picture():
    checkpoint = untrained_checkpoint(variant("pam-minute"))
    alpha = np.zeros((32, 64), np.float32)
    samples = [Sample(np.zeros((32, 64, 3), np.uint8), np.full((32, 64), 128, np.uint8), alpha)] * 3
    assert oracle.measure(checkpoint, list(PathSpec.all(4))[:2], samples).shape == (3, 2)
