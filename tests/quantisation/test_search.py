"""Judging mattes, and finding what has to stay float."""

import copy
import math

import numpy as np
import pytest
import torch

from pam_edge.errors import ConversionError, UsageError
from pam_edge.evaluation.pictures import fit
from pam_edge.quantisation.calibrate import find_ranges
from pam_edge.quantisation.pictures import calibration_pictures, content_of, judged_pictures
from pam_edge.quantisation.quality import LIMITS, Judge, Quality
from pam_edge.quantisation.quantise import ALWAYS_FLOAT
from pam_edge.quantisation.search import choose_recipe
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Precision

SIZE = 96
FULL = PathSpec((True,) * 11)


@pytest.fixture(scope="module")
def cases():
    return [case.fit(SIZE, SIZE) for case in judged_pictures()]


@pytest.fixture(scope="module")
def network():
    return load_checkpoint("pam-tiny").supernet.eval()


def ranges_of(network):
    return find_ranges(network, [FULL], [fit(picture, SIZE, SIZE) for picture in calibration_pictures()])


def with_a_channel_out_of_scale(network, factor):
    """Return a network that computes the same, one channel of the stem's features being much larger than all others."""
    broken = copy.deepcopy(network)
    norm = broken.stem[0][1]
    norm.weight.data[0] *= factor
    norm.bias.data[0] *= factor
    broken.downs[0][0][0].weight.data[:, 0] /= factor
    # The skip to the last level is added to, and read by one convolution.
    broken.laterals[3][1].weight.data[0] *= factor
    broken.laterals[3][1].bias.data[0] *= factor
    broken.refine[0][0].weight.data[:, 0] /= factor
    return broken


def test_pictures_are_the_same_at_every_call_and_no_picture_is_judged_that_ranges_were_found_on():
    own, judged = calibration_pictures(), judged_pictures()
    assert [content_of(each) for each in own] == [content_of(each) for each in calibration_pictures()]
    assert not {content_of(each) for each in own} & {content_of(each.picture) for each in judged}


def test_eight_bits_are_good_enough_for_weights_that_ship(network, cases):
    chosen = choose_recipe(network, Precision.INT8, ranges_of(network), [FULL], cases)
    assert all(each.within(LIMITS[Precision.INT8]) for each in chosen.quality)
    assert ALWAYS_FLOAT.isdisjoint(chosen.recipe.parts)


def test_a_network_made_to_break_keeps_the_part_that_breaks_in_float_or_is_refused_by_its_name(network, cases):
    broken = with_a_channel_out_of_scale(network, 3000.0)
    judge = Judge(network, cases)
    same = judge.judge(broken, FULL)
    assert same.sad == pytest.approx(same.sad_float, rel=1e-3), "it computes something else"
    try:
        chosen = choose_recipe(broken, Precision.INT8, ranges_of(broken), [FULL], cases)
    except ConversionError as error:
        named = str(error)
    else:
        assert all(each.within(LIMITS[Precision.INT8]) for each in chosen.quality)
        named = " ".join(chosen.damage)
    assert "stem" in named


def test_a_network_that_nothing_helps_is_refused_with_what_costs_most(network, cases, monkeypatch):
    impossible = LIMITS[Precision.INT8].__class__(mean=-0.9, worst=-0.9)
    monkeypatch.setitem(LIMITS, Precision.INT8, impossible)
    with pytest.raises(ConversionError, match=r"^int8: expected mattes .* The parts that cost most: .*RMS"):
        choose_recipe(network, Precision.INT8, ranges_of(network), [FULL], cases[:2])


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({}, True),
        ({"sad": 1.029}, True),
        ({"sad": 1.031}, False),
        ({"mse": 1.031}, False),
        ({"worst_change": 0.081}, False),
        ({"sad": math.nan}, False),
        ({"worst_change": math.nan}, False),
        ({"sad": 0.5, "mse": 0.5, "worst_change": -0.4}, True),
    ],
)
def test_limits_hold_for_means_and_for_the_worst_picture(changes, passes):
    scores = {"sad_float": 1.0, "sad": 1.0, "mse_float": 1.0, "mse": 1.0, "worst_change": 0.0} | changes
    assert Quality(FULL, (SIZE, SIZE), 3, worst_picture="any", **scores).within(LIMITS[Precision.INT8]) is passes


def test_the_judge_sees_an_alpha_that_holds_no_number(network, cases):
    broken = copy.deepcopy(network)
    with torch.no_grad():
        broken.head.bias[0] = float("nan")
    with pytest.raises(UsageError, match="NaN"):
        Judge(network, cases[:1]).judge(broken, FULL)
    assert np.isfinite(Judge(network, cases[:1]).judge(network, FULL).worst_change)
