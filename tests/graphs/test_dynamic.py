"""The dynamic graph, its governor and the reference: the same path, and never over the budget."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_edge.errors import BudgetError, UsageError
from pam_edge.evaluation.budget_table import calibrated_budget_table, choices_on, fit_budget_table
from pam_edge.evaluation.parity import to_tensors
from pam_edge.evaluation.pictures import adversarial_pictures
from pam_edge.graphs.dynamic import (
    ChannelsLastDynamicGraph,
    ChannelsLastProbeGraph,
    DynamicGraph,
    ProbeGraph,
    choose_eagerly,
)
from pam_edge.graphs.governed import run_governed
from pam_edge.graphs.governor import BudgetTable, Governor, GovernorCosts, budget_input
from pam_edge.planning.budget import parse_budget
from pam_edge.planning.cost import CostTable, mac_cost_table
from pam_edge.supernet.checkpoint import untrained_checkpoint
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import variant
from pam_edge.terms import CostUnit, Provenance

SIZE = 64
EDGES = [math.nan, -math.inf, -1.0, 0.0, 1e-30, math.inf]


def supernet_with_gates(bias: float) -> Supernet:
    """Return the minute variant whose gates lean towards running (above zero) or bypassing."""
    torch.manual_seed(3)
    supernet = Supernet(variant("pam-minute")).eval()
    with torch.no_grad():
        for index in range(supernet.block_count):
            last = supernet.choice(index).gate.choice[-1]
            assert isinstance(last, torch.nn.Conv2d)
            last.bias.copy_(torch.tensor([0.0, bias]))
    return supernet


def linear_table(costs: GovernorCosts, rows: int) -> BudgetTable:
    steps = (costs.shortest + (costs.full - costs.shortest) * row / (rows - 1) for row in range(1, rows))
    return BudgetTable((0.0, *steps))


def picture_tensors():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, SIZE, SIZE, generator=generator) * 255
    trimap = torch.full((1, 1, SIZE, SIZE), 128.0)
    trimap[..., :16] = 0
    trimap[..., -16:] = 255
    return image, trimap


@pytest.fixture(scope="module")
def costs():
    return GovernorCosts.of(mac_cost_table(variant("pam-minute"), SIZE, SIZE))


@pytest.mark.parametrize("bias", [0.0, 1.0, 1e6], ids=["undecided", "leaning", "always run"])
def test_graph_and_reference_agree_and_keep_the_budget(costs, bias):
    supernet = supernet_with_gates(bias)
    table = linear_table(costs, supernet.config.budget_indices)
    graph = DynamicGraph(supernet, costs, table, choose_eagerly).eval()
    image, trimap = picture_tensors()
    paths = set()
    for budget in [*EDGES, *np.linspace(costs.shortest, costs.full, 7)]:
        budget = float(np.float32(budget))
        expected = run_governed(supernet, costs, table, image, trimap, budget)
        with torch.no_grad():
            alpha, path, cost = graph(image, trimap, torch.tensor([budget]))
        assert tuple(map(bool, path.tolist())) == expected.path.runs
        assert cost.item() == expected.cost == costs.cost(expected.path)
        assert expected.cost <= (budget if budget > costs.shortest else costs.shortest)
        assert (alpha - expected.alpha).abs().max() <= 1e-5
        paths.add(expected.path)
    if bias > 0:
        assert {PathSpec.full(len(path)), PathSpec.shortest(len(path))} <= paths


def test_nhwc_graphs_compute_the_same(costs):
    supernet = supernet_with_gates(1.0)
    table = linear_table(costs, supernet.config.budget_indices)
    graph = DynamicGraph(supernet, costs, table, choose_eagerly).eval()
    probe = ProbeGraph(supernet, choose_eagerly).eval()
    image, trimap = picture_tensors()
    path = torch.tensor([1.0, 0.0, 1.0, 0.0])
    planar = image.permute(0, 2, 3, 1), trimap.permute(0, 2, 3, 1)
    with torch.no_grad():
        for nchw, nhwc in (
            (
                graph(image, trimap, torch.tensor([costs.full]))[0],
                ChannelsLastDynamicGraph(graph)(*planar, torch.tensor([costs.full]))[0],
            ),
            (probe(image, trimap, path)[0], ChannelsLastProbeGraph(probe)(*planar, path)[0]),
        ):
            assert (nchw - nhwc.permute(0, 3, 1, 2)).abs().max() <= 1e-6
        forced = supernet(image, trimap, path=PathSpec.parse("1010")).alpha
        assert (probe(image, trimap, path)[0] - forced).abs().max() <= 1e-5


def test_the_probe_says_what_gates_would_choose():
    torch.manual_seed(5)
    supernet = Supernet(variant("pam-minute")).eval()
    image, trimap = picture_tensors()
    with torch.no_grad():
        last = torch.tensor([supernet.config.budget_indices - 1])
        taken = supernet(image, trimap, budget_index=last).runs[0]
        _, wishes = ProbeGraph(supernet).eval()(image, trimap, taken.float())
    assert (wishes > 0.0).tolist() == taken.tolist()


positive = st.floats(min_value=1e-6, max_value=1e3, allow_nan=False)


@settings(deadline=None, max_examples=200)
@given(
    st.floats(min_value=0, max_value=1e3),
    st.lists(st.tuples(positive, positive), min_size=1, max_size=24),
    st.floats(min_value=-0.1, max_value=1.2),
    st.randoms(use_true_random=False),
)
def test_no_gates_can_break_a_budget(fixed, pairs, share, random):
    run, bypass = zip(*pairs, strict=True)
    table = CostTable(unit=CostUnit.MS, provenance=Provenance.ESTIMATED, fixed=fixed, run=run, bypass=bypass)
    costs = GovernorCosts.of(table)
    governor = Governor(costs, BudgetTable((0.0,)))
    budget = torch.tensor([costs.shortest + share * (costs.full - costs.shortest)])
    limit = governor.clamp(budget)
    spent, runs = torch.tensor([costs.fixed]), []
    for index in range(len(pairs)):
        allowed = governor.allows(index, spent, limit)
        runs.append(bool(allowed) and random.random() < 0.8)
        spent = governor.charge(index, spent, torch.tensor([float(runs[-1])]))
    assert spent.item() <= limit.item()
    assert spent.item() == costs.cost(PathSpec(tuple(runs)))
    assert costs.cost(PathSpec(tuple(runs))) >= table.cost(PathSpec(tuple(runs))) * (1 - 1e-12)


def test_costs_are_exact_in_float32_and_hardly_larger_than_the_tables(costs):
    table = mac_cost_table(variant("pam-minute"), SIZE, SIZE)
    for value in (costs.fixed, *costs.run, *costs.bypass, costs.full, costs.shortest):
        assert float(np.float32(value)) == value
    assert 0 <= costs.full - table.full <= 5 * 2**-22 * table.full


def test_every_row_is_selected_by_its_own_threshold():
    costs = GovernorCosts(unit=CostUnit.MS, fixed=1.0, run=(2.0, 2.0), bypass=(1.0, 1.0))
    table = BudgetTable((0.0, 3.5, 3.5, 4.0))
    governor = Governor(costs, table)
    for budget, row in ((3.0, 0), (3.49, 0), (3.5, 2), (3.99, 2), (4.0, 3), (math.inf, 3)):
        weights = governor.select_row(torch.tensor([budget]))[0].tolist()
        assert weights == [float(index == row) for index in range(4)]
        assert table.row(budget) == row


@pytest.mark.parametrize("thresholds", [(), (1.0,), (0.0, 2.0, 1.0)])
def test_tables_that_fall_or_do_not_start_at_zero_are_refused(thresholds):
    with pytest.raises(UsageError, match="start at 0"):
        BudgetTable(thresholds)


def test_a_threshold_is_the_cost_that_95_percent_of_a_row_s_paths_keep_within():
    costs = GovernorCosts(unit=CostUnit.MS, fixed=1.0, run=(2.0, 4.0), bypass=(1.0, 1.0))
    rows = ({"00": 1.0}, {"00": 0.5, "10": 0.45, "11": 0.05}, {"00": 0.5, "10": 0.4, "11": 0.1}, {"00": 1.0})
    assert fit_budget_table(rows, costs).thresholds == (0.0, 4.0, 7.0, 7.0)


def test_gates_that_nobody_observed_are_asked_on_pictures(costs):
    checkpoint = untrained_checkpoint(variant("pam-minute"))
    table = calibrated_budget_table(checkpoint, costs)
    assert len(table.thresholds) == checkpoint.config.budget_indices
    assert costs.shortest <= table.thresholds[-1] <= costs.full
    full = {"1" * checkpoint.config.block_count: 1.0}
    training = checkpoint.training.model_copy(update={"gate_paths": (full,) * checkpoint.config.budget_indices})
    assert calibrated_budget_table(replace(checkpoint, training=training), costs).thresholds[-1] == costs.full


def test_choices_on_pictures_are_the_supernet_s(costs):
    supernet = supernet_with_gates(0.3)
    pictures = adversarial_pictures(SIZE, SIZE)
    rows = choices_on(supernet, pictures)
    tensors = [to_tensors(picture) for picture in pictures]
    for row in (1, supernet.config.budget_indices - 1):
        assert sum(rows[row].values()) == pytest.approx(1)
        for image, trimap in tensors:
            runs = supernet(image, trimap, budget_index=torch.tensor([row])).runs[0].tolist()
            assert rows[row][str(PathSpec(tuple(runs)))] >= 1 / len(pictures) - 1e-9


def test_budgets_become_the_graphs_unit_and_never_more_than_asked(costs):
    assert budget_input(parse_budget("100%"), costs) == costs.full
    assert budget_input(parse_budget("7GMAC"), costs) == 7.0
    assert 0 <= 0.9 * costs.full - budget_input(parse_budget("90%"), costs) < 1e-8
    with pytest.raises(BudgetError, match="GMAC or percent"):
        budget_input(parse_budget("7ms"), costs)
    with pytest.raises(BudgetError, match="the shortest path takes"):
        budget_input(parse_budget("1%"), costs)


def test_milliseconds_are_a_promise_and_hold_the_margin_and_shares_do_not():
    costs = GovernorCosts(unit=CostUnit.MS, fixed=1.0, run=(2.0, 4.0), bypass=(1.0, 1.0), margin=0.5)
    assert budget_input(parse_budget("6ms"), costs) == 5.5
    assert budget_input(parse_budget("100%"), costs) == costs.full
    assert budget_input(parse_budget("3.5ms"), costs) == costs.shortest
    with pytest.raises(BudgetError, match=r"3.5, .* of uncertainty"):
        budget_input(parse_budget("3.4ms"), costs)


def test_a_block_that_is_cheaper_than_its_bypass_counts_as_the_bypass():
    """Fits of noisy timings may say so; the graph can promise no more than what bypassing every block costs."""
    table = CostTable(unit=CostUnit.MS, provenance=Provenance.MEASURED, fixed=1.0, run=(0.5, 4.0), bypass=(1.0, 1.0))
    costs = GovernorCosts.of(table)
    assert costs.run[0] == costs.bypass[0] >= 1.0
    with pytest.raises(BudgetError, match="shortest"):
        budget_input(parse_budget(f"{table.cheapest}ms"), costs)
