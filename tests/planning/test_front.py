from pam_edge.planning.budget import parse_budget
from pam_edge.planning.cost import CostTable
from pam_edge.planning.front import pareto_front
from pam_edge.planning.planner import ErrorTable, plan_path
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import CostUnit, Provenance

COSTS = CostTable(
    unit=CostUnit.MS, provenance=Provenance.ESTIMATED, fixed=3.0, run=(4.0, 2.5, 1.5, 0.7), bypass=(1.0, 0.5, 0.6, 0.2)
)
MACS = CostTable(
    unit=CostUnit.GMAC, provenance=Provenance.COUNTED, fixed=1.0, run=(3.0, 3.0, 1.0, 0.9), bypass=(0.1, 0.1, 0.2, 0.1)
)


def test_no_path_beats_a_point_of_the_front():
    front = pareto_front(COSTS, MACS)
    for plan in front:
        for path in PathSpec.all(4):
            cheaper, better = COSTS.cost(path) - plan.predicted_cost, MACS.cost(path) - plan.gmacs
            assert not (cheaper <= 1e-9 and better >= -1e-9 and (cheaper < -1e-9 or better > 1e-9))


def test_the_front_runs_from_the_cheapest_path_to_the_full_one():
    front = pareto_front(COSTS, MACS)
    assert (front[0].path, front[-1].path) == (PathSpec.shortest(4), PathSpec.full(4))
    assert [plan.gmacs for plan in front] == sorted(plan.gmacs for plan in front)


def test_the_budget_of_each_point_allows_its_path_when_it_is_typed():
    for plan in pareto_front(COSTS, MACS):
        assert plan_path(parse_budget(plan.budget.text), COSTS, MACS).gmacs >= plan.gmacs


def test_with_errors_the_front_holds_listed_paths_alone():
    listed = {"1111": 1.0, "1101": 1.1, "0111": 2.0, "1010": 3.0}
    errors = ErrorTable({PathSpec.parse(text): error for text, error in listed.items()})
    assert {str(plan.path) for plan in pareto_front(COSTS, MACS, errors)} == {"1111", "1101", "0111"}
