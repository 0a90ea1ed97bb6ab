"""Everything that can be planned plans, and keeps its budget: bundled profiles x variants x sizes x modes x targets."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_edge.device_profiles import list_profiles
from pam_edge.errors import ProfileError
from pam_edge.graphs.governor import GovernorCosts, budget_input
from pam_edge.planning.budget import DEFAULT_BUDGETS, NAMED_BUDGETS, Budget, BudgetUnit, parse_budget
from pam_edge.planning.conditions import Conditions
from pam_edge.planning.cost import CostTable, mac_cost_table
from pam_edge.planning.front import pareto_front
from pam_edge.planning.planner import plan_path
from pam_edge.planning.service import costs_for
from pam_edge.supernet.additive_cost import quantise
from pam_edge.supernet.variants import VARIANTS
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, CostUnit, Mode, Provenance

SQUARES = (32, 64, 96, 128, 160, 224, 256, 288, 384, 448, 512, 640, 1024)
SIZES = [*((side, side) for side in SQUARES), (768, 512), (512, 288)]
PROFILES = [entry.profile for entry in list_profiles() if entry.bundled]
LEVELS = [budget.value for budget in DEFAULT_BUDGETS]


def budgets_of(costs: CostTable) -> tuple[Budget, ...]:
    """Return names, percent down to the cheapest path, and the milliseconds that the profile itself predicts."""
    share = 100 * costs.cheapest / costs.full
    shares = (100.0, (100.0 + share) / 2, share)
    percents = [Budget(f"p{at}", value, BudgetUnit.PERCENT) for at, value in enumerate(shares)]
    predicted = (costs.full, (costs.full + costs.cheapest) / 2, costs.cheapest)
    milliseconds = [Budget(f"m{at}", ms + costs.margin, BudgetUnit.MS) for at, ms in enumerate(predicted)]
    typed = parse_budget(f"{costs.full + costs.margin:.9f}ms")
    return (*DEFAULT_BUDGETS, *percents, *milliseconds, typed)


def check(costs: CostTable, macs: CostTable) -> None:
    """Plan every budget along static graphs, and the same in a graph that chooses."""
    governor = GovernorCosts.of(costs)
    for budget in budgets_of(costs):
        plan = plan_path(budget, costs, macs)
        used = plan.gmacs if plan.limit_unit is CostUnit.GMAC else plan.predicted_cost
        margin = costs.margin if budget.unit is BudgetUnit.MS else 0.0
        assert quantise(used) <= quantise(plan.limit) - quantise(margin)
        if budget.unit is BudgetUnit.LEVEL:
            assert plan.gmacs <= budget.value / 100 * macs.full + 1e-9
        # A graph's costs are rounded up, each part by up to a four-millionth of the dearest path's: at the very floor a
        # limit may be below them.
        room = Budget(budget.label, budget.value * (1 + 1e-4), budget.unit)
        taken = budget_input(budget if budget.unit is BudgetUnit.LEVEL else room, governor, plan.path)
        assert governor.shortest <= taken


@pytest.mark.parametrize("variant", ["pam-base", "pam-small", "pam-tiny"])
def test_every_bundled_profile_size_mode_and_target_plans_and_keeps_its_budgets(variant):
    config = VARIANTS[variant]
    planned = refused = 0
    for (height, width), profile, target, mode in product(SIZES, PROFILES, Target, (Mode.STATIC, Mode.DYNAMIC)):
        try:
            costs = costs_for(Conditions(config, height, width, target, mode=mode), profile)
        except ProfileError:
            refused += 1  # a phone without the target's compute unit
            continue
        check(costs, mac_cost_table(config, height, width))
        planned += 1
    without_neural_engine = sum("neural_engine" not in {u.unit for u in p.estimate.compute_units} for p in PROFILES)
    wanting_one = sum(ComputeUnit.NEURAL_ENGINE in target.facts.units.values() for target in Target)
    assert refused == without_neural_engine * wanting_one * len(SIZES) * 2
    assert planned + refused == len(SIZES) * 2 * len(Target) * len(PROFILES)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_every_front_reaches_from_the_cheapest_path_to_the_full_one(profile):
    for (height, width), target in product(SIZES, (Target.TFLITE, Target.EXECUTORCH)):
        config = VARIANTS["pam-tiny"]
        costs = costs_for(Conditions(config, height, width, target), profile)
        front = pareto_front(costs, mac_cost_table(config, height, width))
        assert (front[0].predicted_cost, front[-1].predicted_cost) == (costs.cheapest, costs.full)


@pytest.mark.parametrize("variant", ["pam-base", "pam-small", "pam-tiny"])
@pytest.mark.parametrize("size", [(32, 32), (288, 288), (512, 288), (1024, 1024)])
def test_a_name_is_the_same_share_of_macs_on_every_device_and_target(variant, size):
    config = VARIANTS[variant]
    height, width = size
    macs = mac_cost_table(config, height, width)
    used: dict[str, set[float]] = {name: set() for name in NAMED_BUDGETS}
    for profile, target in product(PROFILES, Target):
        try:
            costs = costs_for(Conditions(config, height, width, target), profile)
        except ProfileError:
            continue
        for name, budget in NAMED_BUDGETS.items():
            used[name].add(plan_path(budget, costs, macs).gmacs)
    assert [len(each) for each in used.values()] == [1, 1, 1]


costs_and_bypass = st.tuples(st.floats(1e-6, 60.0), st.floats(0.0, 30.0))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["pam-base", "pam-small", "pam-tiny", "pam-minute"]),
    st.integers(1, 40),
    st.integers(1, 40),
    st.floats(0.0, 500.0),
    st.floats(0.0, 5.0),
    st.data(),
)
def test_any_measured_profile_plans_at_any_size(variant, rows, columns, fixed, error, data):
    config = VARIANTS[variant]
    pairs = data.draw(st.lists(costs_and_bypass, min_size=config.block_count, max_size=config.block_count))
    run, bypass = zip(*pairs, strict=True)
    costs = CostTable(
        unit=CostUnit.MS,
        provenance=Provenance.MEASURED,
        fixed=fixed,
        run=run,
        bypass=bypass,
        path_error=error,
    )
    macs = mac_cost_table(config, 32 * rows, 32 * columns)
    for budget in budgets_of(costs):
        plan = plan_path(budget, costs, macs)
        used = plan.gmacs if plan.limit_unit is CostUnit.GMAC else plan.predicted_cost
        margin = costs.margin if budget.unit is BudgetUnit.MS else 0.0
        assert quantise(used) <= quantise(plan.limit) - quantise(margin)
    assert pareto_front(costs, macs)[0].predicted_cost == costs.cheapest
