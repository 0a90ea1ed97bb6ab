"""What is changed of a network, and what is left alone."""

from functools import cache

import pytest
import torch
from torch import nn

from pam_edge.evaluation.budget_table import calibrated_budget_table
from pam_edge.evaluation.parity import to_tensors
from pam_edge.evaluation.pictures import adversarial_pictures, bundled_pictures, fit
from pam_edge.graphs.dynamic import DynamicGraph
from pam_edge.graphs.governed import run_governed
from pam_edge.graphs.governor import GovernorCosts
from pam_edge.graphs.static import StaticGraph
from pam_edge.planning.cost import mac_cost_table
from pam_edge.quantisation.calibrate import find_ranges, input_range
from pam_edge.quantisation.layers import Int8Conv, are_round
from pam_edge.quantisation.network import INPUT, Change, change, is_output, parts_of, sites_of, unchanged
from pam_edge.quantisation.palettes import are_palettised
from pam_edge.quantisation.quantise import ALWAYS_FLOAT, Recipe, quantise, whole_recipe
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Precision

SIZE = 64
PICTURES = [*(fit(picture, SIZE, SIZE) for picture in bundled_pictures()), *adversarial_pictures(SIZE, SIZE)]


@pytest.fixture(scope="module", params=["pam-minute", pytest.param("pam-tiny", marks=pytest.mark.slow)])
def checkpoint(request):
    return load_checkpoint(request.param)


def paths_of(network) -> list[PathSpec]:
    count = network.block_count
    return [PathSpec((True,) * count), PathSpec((False,) * count), PathSpec(tuple(i % 2 == 0 for i in range(count)))]


@cache
def ranges_of(network):
    return find_ranges(network, paths_of(network)[:2], PICTURES)


def alpha(network, path, picture) -> torch.Tensor:
    with torch.no_grad():
        return network.eval()(*to_tensors(picture), path=path).alpha


def test_a_change_that_changes_nothing_computes_the_same(checkpoint):
    same = change(checkpoint.supernet, lambda _: Change(unchanged, lambda _: nn.Identity(), unchanged))
    for path in paths_of(same):
        for picture in PICTURES:
            assert torch.allclose(alpha(same, path, picture), alpha(checkpoint.supernet, path, picture), atol=1e-5)


def test_every_convolution_but_those_of_choices_belongs_to_exactly_one_part(checkpoint):
    owned = [conv for part in parts_of(checkpoint.supernet).values() for _, module in part for conv in convs(module)]
    every = list(convs(checkpoint.supernet))
    assert sorted(map(id, owned)) == sorted(map(id, every))
    parts = frozenset(parts_of(checkpoint.supernet)) - ALWAYS_FLOAT
    whole = quantise(checkpoint.supernet, Recipe(Precision.INT8, parts, ranges_of(checkpoint.supernet)))
    left = [name for name, module in whole.named_modules() if isinstance(module, nn.Conv2d)]
    assert all(name == "head" or ".gate.choice." in name for name in left), left


def convs(module) -> list[nn.Module]:
    return [each for each in module.modules() if isinstance(each, nn.Conv2d)]


def test_sites_are_found_in_calibration_and_what_a_part_gives_is_told_from_what_is_inside(checkpoint):
    network = checkpoint.supernet
    assert set(ranges_of(network)) == sites_of(network)
    outputs = {site for site in sites_of(network) if is_output(site)}
    assert len(outputs) == len(parts_of(network)) - len(ALWAYS_FLOAT)


def test_the_range_of_inputs_is_known_and_not_calibrated(checkpoint):
    flat = [picture for picture in PICTURES if picture.name == "flat"]
    assert find_ranges(checkpoint.supernet, paths_of(checkpoint.supernet)[:1], flat)[INPUT] == input_range()


def test_ranges_are_the_same_at_every_call(checkpoint):
    assert ranges_of.__wrapped__(checkpoint.supernet) == ranges_of(checkpoint.supernet)


@pytest.mark.parametrize("kept", [(), ("stem",), ("enc8.1", "down16"), ("pyramid", "lateral8"), ("refine",)], ids=str)
def test_graphs_of_a_quantised_network_compute_what_it_computes(checkpoint, kept):
    network = checkpoint.supernet
    parts = frozenset(parts_of(network)) - ALWAYS_FLOAT - frozenset(kept)
    quantised = quantise(network, Recipe(Precision.INT8, parts, ranges_of(network))).eval()
    costs = GovernorCosts.of(mac_cost_table(checkpoint.config, SIZE, SIZE))
    table = calibrated_budget_table(checkpoint, costs)
    dynamic = DynamicGraph(quantised, costs, table).eval()
    for picture in PICTURES[:2]:
        image, trimap = to_tensors(picture)
        for path in paths_of(network):
            with torch.no_grad():
                graph = StaticGraph(quantised, path).eval()(image, trimap)
            assert torch.equal(graph, alpha(quantised, path, picture))
        for budget in (costs.shortest, costs.full):
            with torch.no_grad():
                found, taken, _ = dynamic(image, trimap, torch.tensor([budget]))
            governed = run_governed(quantised, costs, table, image, trimap, budget)
            assert tuple(bool(bit) for bit in taken) == governed.path.runs
            assert torch.allclose(found, governed.alpha, atol=1e-6)


def test_parts_that_stay_float_keep_their_weights_and_store_nothing_inside(checkpoint):
    network = checkpoint.supernet
    parts = frozenset(parts_of(network)) - ALWAYS_FLOAT - {"refine"}
    quantised = quantise(network, Recipe(Precision.INT8, parts, ranges_of(network)))
    assert not any(isinstance(each, Int8Conv) for each in quantised.refine.modules())
    assert any(isinstance(each, Int8Conv) for each in quantised.stem.modules())


@pytest.mark.parametrize(("precision", "fits"), [(Precision.W8, are_round), (Precision.W6, are_palettised)])
def test_where_weights_alone_are_quantised_those_of_every_convolution_are(checkpoint, precision, fits):
    network = quantise(checkpoint.supernet, whole_recipe(checkpoint.supernet, precision, {}))
    weights = [each for name, each in network.named_parameters() if name.endswith("weight") and each.dim() == 4]
    assert len(weights) == len(convs(network))
    assert all(fits(each.detach().numpy()) for each in weights)
    picture, path = PICTURES[0], paths_of(network)[0]
    assert (alpha(network, path, picture) - alpha(checkpoint.supernet, path, picture)).abs().mean() < 0.02
