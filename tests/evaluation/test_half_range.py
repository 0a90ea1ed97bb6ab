"""What overflows in half precision is named, with the part that it is in."""

import json

import pytest
import torch

from pam_edge.cli.half_range import half_ranges_json
from pam_edge.evaluation.half_range import LARGEST_HALF, ROOM, find_half_ranges
from pam_edge.evaluation.pictures import adversarial_pictures, bundled_pictures, fit
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.path import PathSpec

PICTURES = [fit(bundled_pictures()[0], 64, 64), *adversarial_pictures(64, 64)]
FULL, SHORT = PathSpec((True,) * 4), PathSpec((False,) * 4)


@pytest.fixture
def network():
    return load_checkpoint("pam-minute").supernet.eval()


def ranges_of(network, *paths):
    return find_half_ranges(network, paths or (FULL,), PICTURES)


def only(found, part, operation):
    (each,) = (each for each in found if (each.part, each.operation) == (part, operation))
    return each


def test_a_network_as_it_is_has_room(network):
    found = ranges_of(network, FULL, SHORT)
    assert not any(each.is_near for each in found)
    assert [each.room for each in found] == sorted(each.room for each in found)
    assert {each.part for each in found} > {"stem", "enc4.0", "pyramid", "head"}


@pytest.mark.parametrize("part", ["stem", "pyramid", "head"])
def test_a_layer_made_to_overflow_is_named(network, part):
    usual = only(ranges_of(network), part, "convolution")
    with torch.no_grad():
        for name, values in network.named_parameters():
            if name.startswith(f"{part}."):
                values.mul_(1e6)
    found = only(ranges_of(network), part, "convolution")
    assert not usual.is_near
    assert found.is_near
    assert found.largest > LARGEST_HALF
    assert found.picture in {picture.name for picture in PICTURES}


def test_a_mean_that_adds_up_too_much_is_named_though_what_it_gives_is_small(network):
    usual = only(ranges_of(network), "enc4.0", "avg_pool2d")
    with torch.no_grad():
        for name, values in network.named_parameters():
            if name.startswith("downs.0.") and values.dim() == 1:  # of the batch norms before the block
                values.mul_(2 * LARGEST_HALF / usual.largest_sum)
    found = only(ranges_of(network), "enc4.0", "avg_pool2d")
    assert found.largest < LARGEST_HALF < found.largest_sum
    assert found.is_near


def test_what_is_no_number_is_near_the_end(network):
    with torch.no_grad():
        next(network.head.parameters()).fill_(float("nan"))
    found = ranges_of(network)
    assert only(found, "head", "convolution").is_near
    assert [each.room for each in found] == sorted(each.room for each in found)
    json.dumps(half_ranges_json(found, "a test"), allow_nan=False)


def test_sums_count_magnitudes(network):
    for each in ranges_of(network):
        assert each.largest_sum >= each.largest * (1 - 1e-5)
        assert each.is_near == (each.room < ROOM)
