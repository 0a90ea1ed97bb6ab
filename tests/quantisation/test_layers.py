"""Grids, stored features and rounded weights."""

import numpy as np
import pytest
import torch
from torch import nn

from pam_edge.graphs.fold import fold_batch_norm
from pam_edge.quantisation.layers import Grid, Int8Conv, Store, are_round, round_weights
from pam_edge.supernet.checkpoint import load_checkpoint

RANGES = [(0.0, 1.0), (-1.0, 1.0), (-2.1, 2.64), (0.3, 5.0), (-5.0, -0.3), (0.0, 0.0), (0.0, 1e-9), (-300.0, 7000.0)]


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_a_grid_covers_its_range_holds_zero_exactly_and_has_a_scale_that_half_precision_holds(low, high):
    grid = Grid.of(low, high)
    assert float(np.float16(grid.scale)) == grid.scale
    stored = Store(grid)(torch.tensor([0.0, low, high]))
    assert stored[0] == 0.0
    assert (stored - torch.tensor([0.0, low, high])).abs().max() <= grid.scale


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_features_that_are_stored_stay_as_they_are_when_stored_again(low, high):
    store = Store(Grid.of(low, high))
    once = store(torch.randn(1000, generator=torch.Generator().manual_seed(1)) * (high - low + 1))
    assert torch.equal(store(once), once)


@pytest.mark.parametrize("seed", range(5))
def test_rounded_weights_are_within_a_step_shift_no_mean_and_know_their_grid_even_in_half_precision(seed):
    weights = torch.randn(8, 5, 3, 3, generator=torch.Generator().manual_seed(seed)) * 10.0 ** (seed - 3)
    whole, scale = round_weights(weights)
    rounded = whole.float() * scale[:, None, None, None]
    steps = (rounded - weights) / scale[:, None, None, None]
    assert steps.abs().max() <= 1
    assert (steps.abs() > 0.5).float().mean() < 0.1, "more weights are moved than have to be"
    assert steps.sum((1, 2, 3)).abs().max() <= 0.501
    assert torch.equal(whole.abs().amax((1, 2, 3)), torch.full((8,), 127, dtype=torch.int8))
    assert are_round(rounded.numpy())
    assert are_round(rounded.half().numpy())
    assert not are_round(weights.numpy())
    again, same_scale = round_weights(rounded)
    assert torch.equal(again, whole)
    assert torch.allclose(same_scale, scale, rtol=1e-3)


@pytest.mark.parametrize("name", ["pam-minute", "pam-tiny", "pam-small"])
def test_all_weights_that_ship_are_known_again_when_rounded(name):
    convs = [each for each in fold_batch_norm(load_checkpoint(name).supernet).modules() if isinstance(each, nn.Conv2d)]
    for conv in convs:
        whole, scale = round_weights(conv.weight.detach())
        rounded = whole.float() * scale[:, None, None, None]
        assert are_round(rounded.numpy())
        assert are_round(rounded.half().numpy())


@pytest.mark.parametrize("name", ["pam-minute", "pam-tiny"])
def test_no_weights_that_ship_are_taken_for_rounded_ones(name):
    convs = [each for each in fold_batch_norm(load_checkpoint(name).supernet).modules() if isinstance(each, nn.Conv2d)]
    assert not any(are_round(conv.weight.detach().numpy()) for conv in convs if conv.weight[0].numel() > 8)


def test_a_channel_of_zeros_is_rounded_to_zeros():
    conv = nn.Conv2d(3, 2, 3, bias=False)
    conv.weight.data[0] = 0
    with torch.no_grad():
        assert torch.equal(Int8Conv(conv)(torch.ones(1, 3, 5, 5))[:, 0], torch.zeros(1, 3, 3))
