import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_edge.errors import ProfileError
from pam_edge.measuring.fit import fit_costs
from pam_edge.measuring.path_design import default_path_count, design_paths
from pam_edge.measuring.path_times import clean_samples
from pam_edge.measuring.samples import Sample
from pam_edge.supernet.path import PathSpec
from tests.simulated_device import SimulatedDevice


def fit_of(device, **options):
    return fit_costs(clean_samples([Sample(**row) for row in device.samples(**options)]), shares_of(device))


def shares_of(device):
    return tuple((device.bypass / (device.fixed + device.bypass.sum())).tolist())


@pytest.mark.parametrize("variant", ["pam-minute", "pam-tiny", "pam-base"])
def test_noiseless_timings_give_the_true_costs(simulated_device, variant):
    device = simulated_device(variant, noise=0.0)
    fit = fit_of(device, rounds=3)
    assert fit.fixed_ms == pytest.approx(device.fixed, abs=1e-3)
    assert fit.run_ms == pytest.approx(device.run, abs=1e-3)
    assert fit.bypass_ms == pytest.approx(device.bypass, abs=1e-3)
    assert fit.held_out_worst_error_pct < 1e-3
    assert fit.predict(PathSpec.full(len(device.run))) == pytest.approx(device.cost(PathSpec.full(len(device.run))))


def test_noisy_timings_predict_held_out_paths_within_one_percent(simulated_device):
    fit = fit_of(simulated_device("pam-tiny", noise=0.02), rounds=18)
    assert len(fit.held_out_error_pct) == 20
    assert fit.held_out_median_error_pct < 1.0
    assert fit.held_out_worst_error_pct < 3.0


def test_two_measurements_agree_within_their_errors(simulated_device):
    agreements = []
    for seed in range(30):
        first = fit_of(simulated_device("pam-tiny", 0.02, seed), rounds=9)
        second = fit_of(simulated_device("pam-tiny", 0.02, seed + 100), rounds=9)
        differences = np.abs(np.array(first.run_ms) - second.run_ms)
        errors = np.hypot(first.run_errors_ms, second.run_errors_ms)
        agreements.extend((differences <= 2 * errors).tolist())
    assert np.mean(agreements) >= 0.9


@pytest.mark.parametrize(("sessions", "honest"), [(1, False), (3, True)])
def test_only_several_sessions_show_what_moves_from_one_to_the_next(simulated_device, sessions, honest):
    agreements, inside = [], []
    options = {"rounds": 12, "sessions": sessions, "spread": 0.05}
    for seed in range(20):
        devices = [simulated_device("pam-tiny", 0.003, seed + number) for number in (0, 100)]
        first, second = (fit_of(device, **options) for device in devices)
        differences = np.abs(np.array(first.run_ms) - second.run_ms)
        agreements.extend((differences <= 2 * np.hypot(first.run_errors_ms, second.run_errors_ms)).tolist())
        margin = 1.645 * np.hypot(first.path_error_ms, first.scatter_ms)
        elsewhere = 0.05 * np.random.default_rng(1000 + seed).standard_normal(11)
        cost_elsewhere = partial(devices[0].cost, moved=elsewhere)
        paths = design_paths(11, 24, seed=seed)
        true, predicted = (np.array([f(path) for path in paths]) for f in (cost_elsewhere, first.predict))
        # Costs are those at the middle pace: what makes all paths slower alike is not what sessions differ in.
        inside.extend((true * predicted.mean() / true.mean() <= predicted + margin).tolist())
    assert (np.mean(agreements) >= 0.9) == honest
    assert (np.mean(inside) >= 0.9) == honest


def test_the_bounds_of_a_prediction_hold_as_often_as_they_say(simulated_device):
    inside: list[bool] = []
    for seed in range(12):
        device = simulated_device("pam-tiny", 0.02, seed)
        fit = fit_of(device, rounds=9)
        margin = 1.645 * np.hypot(fit.path_error_ms, fit.scatter_ms)
        paths = design_paths(11, 24, seed=1000 + seed)
        inside.extend(device.cost(path) <= fit.predict(path) + margin for path in paths)
    assert np.mean(inside) >= 0.95


def test_a_block_that_costs_nothing_is_never_given_a_negative_cost(simulated_device):
    device = simulated_device("pam-minute", noise=0.03)
    device.run[:] = 0.0
    device.bypass[:] = 0.0
    fit = fit_costs(clean_samples([Sample(**row) for row in device.samples(rounds=5)]), (0.0,) * 4)
    assert min(fit.run_ms) >= 0.0
    assert fit.predict(PathSpec.full(4)) == pytest.approx(50.0, rel=0.05)


def test_a_block_that_always_runs_cannot_be_told(simulated_device):
    paths = tuple(path for path in design_paths(11, 64) if path.runs[3])
    with pytest.raises(ProfileError, match=r"cannot tell the cost of blocks 3 \(from 0\)"):
        fit_of(simulated_device("pam-tiny"), paths=paths)


def test_blocks_that_only_run_together_cannot_be_told(simulated_device):
    paths = tuple(path for path in design_paths(11, 128) if path.runs[3] == path.runs[5])
    with pytest.raises(ProfileError, match="blocks 3, 5"):
        fit_of(simulated_device("pam-tiny"), paths=paths)


def test_too_few_paths_are_refused_with_the_number_needed(simulated_device):
    paths = design_paths(11, 36)[::2][:15]
    with pytest.raises(ProfileError, match="at least 19 different paths for 11 blocks; got 15"):
        fit_of(simulated_device("pam-tiny"), paths=paths)


def test_outliers_are_dropped_and_noticed(simulated_device):
    device = simulated_device("pam-tiny", noise=0.01)
    times = clean_samples([Sample(**row) for row in device.samples(rounds=18, hiccups=0.08)])
    assert any("timings dropped" in notice and "busy" in notice for notice in times.notices)
    assert fit_costs(times, shares_of(device)).held_out_worst_error_pct < 3.0


def test_drift_is_noticed_and_weighs_on_all_paths_alike(simulated_device):
    device = simulated_device("pam-tiny", noise=0.005)
    times = clean_samples([Sample(**row) for row in device.samples(rounds=20, drift=0.2)])
    assert [notice for notice in times.notices if "drifted by +1" in notice]
    assert not [notice for notice in times.notices if "dropped" in notice]
    fit = fit_costs(times, shares_of(device))
    assert fit.run_ms == pytest.approx(device.run * 1.1, rel=0.1)


def test_costs_are_known_less_well_where_the_pace_changes(simulated_device):
    device = simulated_device("pam-tiny", noise=0.005)
    steady, drifting = (fit_of(device, rounds=20, drift=drift) for drift in (0.0, 0.2))
    assert drifting.scatter_ms > 0.05 * drifting.predict(PathSpec.shortest(11)) > 5 * steady.scatter_ms


def test_quiet_timings_give_no_notice(simulated_device):
    device = simulated_device("pam-minute", noise=0.003)
    assert clean_samples([Sample(**row) for row in device.samples(rounds=9)]).notices == ()


def test_an_interaction_of_blocks_shows_as_scatter(simulated_device):
    paths = design_paths(11, default_path_count(11))
    plain = fit_of(simulated_device("pam-tiny", noise=0.001), paths=paths)
    mixed = fit_of(simulated_device("pam-tiny", noise=0.001), paths=paths, interaction=8.0)
    assert mixed.scatter_ms > 10 * plain.scatter_ms


def test_paths_with_too_few_timings_are_left_out(simulated_device):
    rows = simulated_device("pam-minute", noise=0.0).samples(rounds=5)
    lonely = [row for row in rows if row["path"] != "1010" or row["round"] < 2]
    times = clean_samples([Sample(**row) for row in lonely])
    assert PathSpec.parse("1010") not in times.median_ms
    assert any("1 paths with fewer than 3" in notice for notice in times.notices)


def test_one_round_is_too_little(simulated_device):
    with pytest.raises(ProfileError, match="Measure more rounds"):
        fit_of(simulated_device("pam-minute"), rounds=1)


@settings(max_examples=100, deadline=None)
@given(
    paths=st.lists(st.sampled_from(list(PathSpec.all(4))), min_size=1, max_size=16, unique=True),
    rounds=st.integers(1, 4),
    sessions=st.integers(1, 3),
    noise=st.sampled_from([0.0, 0.01, 0.2]),
    seed=st.integers(0, 99),
)
def test_few_timings_give_costs_or_a_refusal(paths, rounds, sessions, noise, seed):
    device = SimulatedDevice(noise=noise, seed=seed)
    try:
        fit = fit_of(device, paths=tuple(paths), rounds=rounds, sessions=sessions)
    except ProfileError:
        assert rounds < 3 or len(paths) < 16 or noise == 0.2
    else:
        assert all(math.isfinite(ms) and ms >= 0 for ms in (fit.fixed_ms, *fit.run_ms, *fit.bypass_ms))
        assert math.isfinite(fit.held_out_worst_error_pct)
