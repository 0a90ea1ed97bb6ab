"""Weights of a few values."""

import numpy as np
import pytest
import torch

from pam_edge.quantisation.palettes import are_palettised, group_size, palettise

SHAPES = [(32, 24, 3, 3), (16, 1, 3, 3), (24, 10, 1, 1), (1, 64, 3, 3), (16, 1, 1, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("power", [1, 3])
def test_palettes_have_few_values_for_each_group_and_hold_weights_better_than_even_steps(shape, power):
    weights = torch.randn(shape, generator=torch.Generator().manual_seed(1)) ** power
    stored = palettise(weights)
    assert stored.shape == weights.shape and are_palettised(stored.numpy()) and are_palettised(stored.half().numpy())
    assert torch.equal(palettise(stored), stored)
    group = slice(group_size(shape[0]))
    step = (weights[group].max() - weights[group].min()) / 63
    evenly = torch.round(weights[group] / step) * step
    assert ((stored - weights)[group] ** 2).sum() <= ((evenly - weights[group]) ** 2).sum()
    gap = np.diff(np.unique(stored.numpy())).max()
    assert (stored - weights).sum((1, 2, 3)).abs().max() <= gap, "a channel's mean is shifted"
    if weights[:16].numel() > 64:
        assert not are_palettised(weights.numpy())


@pytest.mark.parametrize("value", [0.0, -2.5])
def test_weights_of_one_value_keep_it(value):
    weights = torch.full((16, 4, 3, 3), value)
    assert torch.equal(palettise(weights), weights)
