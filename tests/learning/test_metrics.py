import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_edge.errors import UsageError
from pam_edge.evaluation.metrics import connectivity_error, gradient_error, mse, sad, score

EVERYWHERE = np.ones((32, 32), bool)


def alpha(seed, size=32):
    return np.random.default_rng(seed).random((size, size), np.float32)


def test_sad_is_the_sum_in_thousands():
    assert sad(np.full((32, 32), 0.5), np.zeros((32, 32)), EVERYWHERE) == pytest.approx(0.512)


def test_mse_is_the_mean_in_thousandths():
    assert mse(np.full((32, 32), 0.5), np.zeros((32, 32)), EVERYWHERE) == pytest.approx(250)


def test_errors_outside_the_unknown_region_do_not_count():
    unknown = np.zeros((32, 32), bool)
    unknown[:, :4] = True
    wrong = np.zeros((32, 32))
    wrong[:, 20:] = 1
    found = score(wrong, np.zeros((32, 32)), unknown)
    assert (found.sad, found.mse, found.grad, found.conn) == (0, 0, 0, 0)


def test_a_constant_offset_has_no_gradient_error():
    assert gradient_error(alpha(0) * 0.5, alpha(0) * 0.5 + 0.25, EVERYWHERE) == pytest.approx(0, abs=1e-9)


def test_the_gradient_of_a_step_is_the_derivative_filter_s_own_peak():
    # Next to a vertical step the response is the sum of the slope's positive half times the sum of the smooth part.
    step = np.zeros((32, 32))
    step[:, 16:] = 1
    x = np.arange(-4, 5)
    smooth = np.exp(-(x**2) / (2 * 1.4**2))
    slope = -x * smooth
    peak = (smooth.sum() / np.linalg.norm(smooth)) * (slope[:4].sum() / np.linalg.norm(slope))
    unknown = np.zeros((32, 32), bool)
    unknown[16, 16] = True
    assert gradient_error(step, np.zeros((32, 32)), unknown) * 1000 == pytest.approx(peak**2, rel=1e-4)


def test_an_island_is_disconnected_by_its_whole_alpha():
    target = np.zeros((32, 32))
    target[4:20, 4:20] = 1
    island = target.copy()
    island[25:27, 25:27] = 1
    assert connectivity_error(island, target, EVERYWHERE) == pytest.approx(0.004)


def test_small_differences_count_as_connected():
    target = np.ones((32, 32))
    assert connectivity_error(np.full((32, 32), 0.93), target, EVERYWHERE) == 0


def test_connectivity_needs_an_unbroken_run_of_thresholds():
    both = np.zeros((32, 32))
    both[:10] = 0.35
    both[20:, :5] = 1.0
    # The upper stripe is the largest region up to 0.3 and ends there; the small one is largest from 0.4 on, too late.
    apart = np.where(both == 1.0, 0.5, both)
    assert connectivity_error(both, apart, EVERYWHERE) == pytest.approx(60 * 0.5 / 1000)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_errors_are_symmetric_not_negative_and_zero_for_equal_mattes(seed):
    one, other = alpha(seed), alpha(seed + 1)
    forth, back = score(one, other, EVERYWHERE), score(other, one, EVERYWHERE)
    for name in ("sad", "mse", "grad", "conn"):
        assert getattr(forth, name) == pytest.approx(getattr(back, name))
        assert getattr(forth, name) >= 0
        assert getattr(score(one, one, EVERYWHERE), name) == pytest.approx(0, abs=1e-12)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_sad_grows_with_the_distance_from_the_truth(seed):
    target, off = alpha(seed), alpha(seed + 1) - 0.5
    errors = [sad(target + share * off, target, EVERYWHERE) for share in (0.1, 0.5, 1.0)]
    assert errors == sorted(errors)


@pytest.mark.parametrize(
    ("first", "unknown", "message"),
    [
        (np.zeros((32, 31)), EVERYWHERE, "one shape"),
        (np.zeros((32, 32)), np.zeros((32, 32), bool), "empty"),
        (np.full((32, 32), np.nan), EVERYWHERE, "NaN"),
    ],
)
def test_what_cannot_be_scored_is_refused(first, unknown, message):
    with pytest.raises(UsageError, match=message):
        score(first, np.zeros((32, 32)), unknown)


def test_a_large_picture_is_scored_in_about_a_second_each():
    one, other = alpha(0, 2048), alpha(1, 2048)
    start = time.process_time()
    score(one, other, np.ones((2048, 2048), bool))
    assert time.process_time() - start < 8  # four measures on a busy machine
