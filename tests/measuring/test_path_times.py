"""Timings of any number, from one on: times per path, or a refusal that says what is missing."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_edge.errors import ProfileError
from pam_edge.measuring.path_times import LEAST_SAMPLES, PathTimes, clean_samples
from pam_edge.measuring.samples import Sample
from pam_edge.supernet.path import PathSpec

LATENCIES = st.floats(1e-3, 1e5)


@st.composite
def timings(draw):
    """Draw samples of a few paths and graphs, in rounds and sessions, with some left out."""
    blocks = draw(st.integers(1, 3))
    paths = draw(st.lists(st.text("01", min_size=blocks, max_size=blocks), min_size=1, max_size=4, unique=True))
    graphs = draw(st.lists(st.sampled_from(["probe", "static"]), min_size=1, max_size=2, unique=True))
    rounds, sessions = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    everything = itertools.product(range(rounds), graphs, paths)
    samples = [
        Sample(path=path, round=number, graph=graph, session=number * sessions // rounds, latency_ms=draw(LATENCIES))
        for number, graph, path in everything
    ]
    kept = [sample for sample in samples if draw(st.integers(0, 9))]
    return kept or samples[:1]


def check(times, samples):
    assert isinstance(times, PathTimes)
    for graph, medians in (("probe", times.median_ms), ("static", times.static_ms)):
        for path, median in medians.items():
            taken = [s.latency_ms for s in samples if s.graph == graph and s.path == str(path)]
            assert len(taken) >= LEAST_SAMPLES
            assert median > 0 and math.isfinite(median)
    assert 0 < len(times.kept_ms) <= len(samples)
    assert math.isfinite(times.pace_variation)
    assert all(session.keys() == times.median_ms.keys() for session in times.session_ms)


@settings(max_examples=300, deadline=None)
@given(timings())
def test_any_timings_give_times_per_path_or_a_refusal(samples):
    taken = Counter((sample.graph, sample.path) for sample in samples)
    try:
        check(clean_samples(samples), samples)
    except ProfileError:
        # Fewer than three of a path, be it because some of three timings were outliers.
        assert min(taken.values()) < 2 * LEAST_SAMPLES


@pytest.mark.parametrize("count", range(1, 20))
def test_one_path_is_timed_from_three_timings_on(count):
    samples = [Sample(path="10", round=number, latency_ms=5.0) for number in range(count)]
    if count < LEAST_SAMPLES:
        with pytest.raises(ProfileError, match=f"at least 3 timings of each path; the most that any has is {count}"):
            clean_samples(samples)
    else:
        assert clean_samples(samples).median_ms == {PathSpec.parse("10"): pytest.approx(5.0)}


def test_no_timings_are_refused():
    with pytest.raises(ProfileError, match="got none"):
        clean_samples([])


def test_a_slow_spell_is_divided_out_up_to_both_ends():
    pace = np.where(np.arange(60) < 30, 1.0, 1.5)
    costs = {"10": 4.0, "01": 6.0}
    samples = [
        Sample(path=path, round=number, latency_ms=float(costs[path] * pace[2 * number + place]))
        for number in range(30)
        for place, path in enumerate(costs)
    ]
    times = clean_samples(samples)
    ratio = times.median_ms[PathSpec.parse("01")] / times.median_ms[PathSpec.parse("10")]
    assert ratio == pytest.approx(1.5, rel=1e-6)
