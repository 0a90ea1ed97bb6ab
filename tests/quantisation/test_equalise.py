"""Equalised channels."""

import pytest
import torch
from torch import nn

from pam_edge.evaluation.parity import to_tensors
from pam_edge.evaluation.pictures import bundled_pictures, fit
from pam_edge.quantisation.equalise import equalise
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.path import PathSpec


@pytest.mark.parametrize("name", ["pam-minute", "pam-tiny", "pam-small"])
@pytest.mark.parametrize("runs", [True, False], ids=["full", "shortest"])
def test_an_equalised_network_computes_the_same(name, runs):
    network = load_checkpoint(name).supernet.eval()
    inputs = to_tensors(fit(bundled_pictures()[0], 64, 96))
    path = PathSpec((runs,) * network.block_count)
    with torch.no_grad():
        before, after = (each(*inputs, path=path).alpha for each in (network, equalise(network)))
    assert (before - after).abs().max() < 1e-5


def test_channels_inside_of_a_branch_are_made_and_read_by_equal_weights():
    branch = equalise(load_checkpoint("pam-tiny").supernet).get_submodule("blocks.0.block.branch")
    first, second = (each for each in branch.modules() if isinstance(each, nn.Conv2d))
    torch.testing.assert_close(first.weight.abs().amax((1, 2, 3)), second.weight.abs().amax((0, 2, 3)))


def test_channels_that_nothing_makes_or_reads_stay_numbers():
    supernet = load_checkpoint("pam-minute").supernet
    for choice in supernet.blocks:
        convs = [each for each in choice.modules() if isinstance(each, nn.Conv2d)]
        for conv in convs:
            conv.weight.data[0] = 0
            conv.weight.data[:, -1] = 0
    assert all(parameter.isfinite().all() for parameter in equalise(supernet).parameters())
