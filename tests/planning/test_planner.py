import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_edge.errors import BudgetError, UsageError
from pam_edge.planning.budget import Budget, BudgetUnit, parse_budget
from pam_edge.planning.cost import CostTable, mac_cost_table
from pam_edge.planning.planner import LEAST_ERROR, MOST_MACS, NONE_LISTED, ErrorTable, plan_path
from pam_edge.planning.search import best_path, cheapest_path
from pam_edge.supernet.additive_cost import AdditiveCost
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import VARIANTS
from pam_edge.terms import CostUnit, Provenance

MACS = CostTable(
    unit=CostUnit.GMAC, provenance=Provenance.COUNTED, fixed=10.0, run=(4.0, 4.0, 2.0), bypass=(1.0, 1.0, 0.5)
)
MILLISECONDS = CostTable(
    unit=CostUnit.MS, provenance=Provenance.ESTIMATED, fixed=5.0, run=(3.0, 1.0, 1.0), bypass=(0.5, 0.5, 0.5)
)


@st.composite
def costs_and_values(draw):
    count = draw(st.integers(1, 9))
    few = st.integers(0, 12)
    row = st.tuples(*[few] * count)
    return tuple(AdditiveCost(draw(few), draw(row), draw(row)) for _ in range(2))


@settings(max_examples=300, deadline=None)
@given(costs_and_values(), st.integers(-1, 80))
def test_search_finds_what_brute_force_finds_ties_included(tables, limit):
    costs, values = tables
    fitting = [path for path in PathSpec.all(len(costs)) if costs.cost(path) <= limit]
    best = max(fitting, key=lambda path: (values.cost(path), -costs.cost(path), path), default=None)
    assert best_path(costs, values, limit) == best


@settings(max_examples=300, deadline=None)
@given(costs_and_values(), st.integers(0, 80))
def test_the_cheapest_path_of_a_value_is_what_brute_force_finds(tables, value):
    costs, values = tables
    equal = [path for path in PathSpec.all(len(costs)) if values.cost(path) == value]
    cheapest = max(equal, key=lambda path: (-costs.cost(path), path), default=None)
    assert cheapest_path(costs, values, value) == cheapest


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_plan_is_the_optimum_of_its_objective_for_real_costs(data):
    count = data.draw(st.integers(1, 8))
    numbers = st.floats(0.001, 50.0)
    row = st.tuples(*[numbers] * count)
    costs = CostTable(
        unit=CostUnit.MS,
        provenance=Provenance.MEASURED,
        fixed=data.draw(numbers),
        run=data.draw(row),
        bypass=data.draw(row),
        scatter=0.1,
    )
    macs = CostTable(
        unit=CostUnit.GMAC,
        provenance=Provenance.COUNTED,
        fixed=data.draw(numbers),
        run=data.draw(row),
        bypass=data.draw(row),
    )
    budget = Budget("b", data.draw(st.floats(costs.cheapest + costs.margin + 1e-6, 900.0)), BudgetUnit.MS)
    plan = plan_path(budget, costs, macs)
    assert costs.upper(plan.path) <= budget.value + 1e-6
    best = max(macs.cost(path) for path in PathSpec.all(count) if costs.upper(path) <= budget.value)
    assert plan.gmacs >= best - 1e-6


@given(st.floats(0.1, 100.0), st.integers(1, 21))
def test_mild_is_always_the_full_path(cost, count):
    costs = CostTable(
        unit=CostUnit.MS,
        provenance=Provenance.MEASURED,
        fixed=cost / 3,
        run=(cost,) * count,
        bypass=(cost / 7,) * count,
        scatter=cost / 50,
    )
    assert plan_path(parse_budget("mild"), costs, dataclasses.replace(costs, unit=CostUnit.GMAC)).path == (
        PathSpec.full(count)
    )


def test_most_macs_are_planned_without_an_error_table_and_the_plan_says_so():
    plan = plan_path(parse_budget("8ms"), MILLISECONDS, MACS)
    assert str(plan.path) == "011"
    assert (plan.predicted_cost, plan.gmacs, plan.objective) == (7.5, 17.0, MOST_MACS)
    assert (plan.unit, plan.limit_unit, plan.provenance) == (CostUnit.MS, CostUnit.MS, Provenance.ESTIMATED)


def test_a_gmac_budget_limits_the_macs_and_the_device_decides_between_equals():
    plan = plan_path(parse_budget("17GMAC"), MILLISECONDS, MACS)
    assert (str(plan.path), plan.limit_unit, plan.unit) == ("011", CostUnit.GMAC, CostUnit.MS)
    assert (plan.gmacs, plan.predicted_cost) == (17.0, 7.5)


def test_equal_paths_run_the_earlier_block():
    assert str(plan_path(parse_budget("16GMAC"), MACS, MACS).path) == "100"


def test_a_millisecond_budget_holds_for_the_upper_bound():
    unsure = dataclasses.replace(MILLISECONDS, path_error=0.4)
    assert plan_path(parse_budget("10ms"), MILLISECONDS, MACS).path == PathSpec.full(3)
    plan = plan_path(parse_budget("10ms"), unsure, MACS)
    assert plan.path != PathSpec.full(3)
    assert plan.interval[1] <= 10.0


def test_least_error_is_planned_among_listed_paths_that_fit():
    errors = ErrorTable({PathSpec.parse("111"): 1.0, PathSpec.parse("100"): 2.0, PathSpec.parse("001"): 1.5})
    plan = plan_path(parse_budget("17GMAC"), MACS, MACS, errors)
    assert (str(plan.path), plan.expected_error) == ("001", 1.5)
    assert plan.objective == LEAST_ERROR.format(count=3)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_least_error_is_what_looking_at_each_listed_path_finds(data):
    listed = data.draw(st.dictionaries(st.tuples(*[st.booleans()] * 5).map(PathSpec), st.integers(0, 3), min_size=1))
    costs = CostTable(
        unit=CostUnit.MS,
        provenance=Provenance.ESTIMATED,
        fixed=1.0,
        run=(2.0, 3.0, 1.5, 4.0, 2.0),
        bypass=(0.5, 0.25, 0.5, 1.0, 1.0),
    )
    macs = dataclasses.replace(costs, unit=CostUnit.GMAC)
    limit = data.draw(st.integers(5, 14))
    fitting = [path for path in listed if costs.cost(path) <= limit]
    plan = plan_path(parse_budget(f"{limit}ms"), costs, macs, ErrorTable(listed))
    if fitting:
        flipped = {path: tuple(not run for run in path.runs) for path in fitting}
        assert plan.path == min(fitting, key=lambda path: (listed[path], costs.cost(path), flipped[path]))
    else:
        assert plan.objective == NONE_LISTED


def test_equal_errors_take_the_cheaper_path_then_the_earlier_block():
    errors = ErrorTable({PathSpec.parse(text): 1.0 for text in ("111", "010", "100")})
    assert str(plan_path(parse_budget("mild"), MACS, MACS, errors).path) == "100"


def test_most_macs_are_planned_when_no_listed_path_fits():
    errors = ErrorTable({PathSpec.parse("111"): 1.0})
    plan = plan_path(parse_budget("16GMAC"), MACS, MACS, errors)
    assert (str(plan.path), plan.objective, plan.expected_error) == ("100", NONE_LISTED, None)


def test_milliseconds_without_a_profile_are_refused():
    with pytest.raises(BudgetError, match="profile"):
        plan_path(parse_budget("12ms"), MACS, MACS)


def test_budget_below_the_cheapest_path_is_refused_with_the_feasible_range():
    with pytest.raises(BudgetError, match=r"Feasible here: 12\.5 to 20 GMAC, that is 62\.5% to 100%"):
        plan_path(parse_budget("50%"), MACS, MACS)


def test_tables_of_different_variants_are_refused():
    other = CostTable(unit=CostUnit.GMAC, provenance=Provenance.COUNTED, fixed=1.0, run=(1.0,), bypass=(1.0,))
    with pytest.raises(UsageError, match="one variant"):
        plan_path(parse_budget("mild"), MACS, other)


@pytest.mark.parametrize("text", ["1000000000%", "1000000000ms", "1000000000GMAC"])
def test_a_budget_without_need_gives_the_full_path(text):
    slow = dataclasses.replace(MILLISECONDS, fixed=5e6)
    assert plan_path(parse_budget(text), slow, MACS).path == PathSpec.full(3)


def test_the_papers_ratios_are_used_up_to_a_hundredth():
    macs = mac_cost_table(VARIANTS["pam-base"], 1024, 1024)
    plans = [plan_path(parse_budget(name), macs, macs) for name in ("mild", "moderate", "aggressive")]
    assert [plan.gmacs / macs.full for plan in plans] == pytest.approx([1.0, 0.933, 0.775], abs=0.01)
    assert all(plan.gmacs <= plan.limit for plan in plans)
