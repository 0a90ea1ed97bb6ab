"""Operators that an estimate counts, and those it does not know."""

from types import SimpleNamespace

import pytest
import torch

from pam_edge.errors import ProfileError
from pam_edge.planning import operators
from pam_edge.supernet.variants import VARIANTS


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_operator_of_the_variants_is_known(variant):
    table = operators.list_operators(VARIANTS[variant], 64, 64)
    assert table.fixed and all(table.run) and all(table.bypass)


@pytest.mark.parametrize(
    ("apply", "name"),
    [
        (lambda x: x.flatten(1) @ x.flatten(1).T, "mm"),
        (lambda x: torch.softmax(x, 1), "_softmax"),
        (lambda x: torch.sort(x), "sort"),  # returns two tensors
        (lambda x: torch.nn.functional.hardswish(x), "hardswish"),
        (lambda x: x.add_(1), "add_"),
    ],
)
def test_an_operator_nobody_knows_is_refused_by_its_name(monkeypatch, apply, name):
    network = SimpleNamespace(trunk=lambda image, trimap, visit: apply(image))
    monkeypatch.setattr(operators, "shapes_alone", lambda config: network)
    with pytest.raises(ProfileError, match=f"the network has {name}\\."):
        operators.list_operators.__wrapped__(VARIANTS["pam-minute"], 64, 64)


def test_a_pooling_reads_its_input_and_writes_its_output(monkeypatch):
    network = SimpleNamespace(trunk=lambda image, trimap, visit: torch.nn.functional.max_pool2d(image, 2))
    monkeypatch.setattr(operators, "shapes_alone", lambda config: network)
    (pooling,) = operators.list_operators.__wrapped__(VARIANTS["pam-minute"], 64, 64).fixed
    assert (pooling.macs, pooling.weights, pooling.activations) == (0, 0, 3 * 64 * 64 + 3 * 32 * 32)
