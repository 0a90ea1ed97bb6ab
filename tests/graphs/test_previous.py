"""What the last frame's alpha changes in a live graph."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pam_edge.graphs.dynamic import HYSTERESIS, DynamicGraph
from pam_edge.graphs.ends import Ends, with_ends
from pam_edge.graphs.governed import run_governed
from pam_edge.graphs.governor import BudgetTable, GovernorCosts
from pam_edge.graphs.previous import CALM_BELOW, CLEAR_BELOW, NOISE, SOLID_FROM, TILE, damp, doubt
from pam_edge.graphs.static import ChannelsLastGraph, StaticGraph
from pam_edge.planning.cost import mac_cost_table
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import VARIANTS
from pam_edge.terms import NO_PREVIOUS, Result, Source
from tests.gates import lean_towards_running

SIZE = 64
BAND = 4


def plane(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))[None, None]


@pytest.mark.parametrize("grey", range(256))
def test_the_trimap_stays_where_the_last_alpha_agrees_and_is_unknown_elsewhere(grey):
    for known in (0, 128, 255):
        found = float(doubt(torch.full((1, 1, 2, 2), float(known)), torch.full((1, 1, 2, 2), grey / 255)).unique())
        agrees = grey < CLEAR_BELOW if known == 0 else grey >= SOLID_FROM
        assert found == (known if agrees else 128)


@pytest.mark.parametrize("known", [0, 128, 255])
def test_without_a_last_frame_the_trimap_stays(known):
    assert doubt(torch.full((1, 1, 2, 2), float(known)), torch.full((1, 1, 2, 2), NO_PREVIOUS)).unique() == known


ALPHAS = arrays(np.float32, (2 * TILE, TILE), elements=st.floats(0, 1, width=32))


@given(ALPHAS, ALPHAS)
def test_damping_stays_between_the_two_and_moves_by_at_most_the_noise(alpha, previous):
    found = damp(plane(alpha), plane(previous))[0, 0].numpy()
    assert (np.abs(found - alpha) <= NOISE + 1e-6).all()
    low, high = np.minimum(alpha, previous), np.maximum(alpha, previous)
    assert (found >= low - 1e-6).all() and (found <= high + 1e-6).all()


def test_noise_is_damped_in_a_still_square_alone():
    random = np.random.default_rng(0)
    previous = random.random((SIZE, SIZE)).astype(np.float32)
    alpha = np.clip(previous + random.uniform(-0.04, 0.04, previous.shape), 0, 1).astype(np.float32)
    alpha[3, 40], previous[3, 40] = 0.9, 0.2
    assert CALM_BELOW > 0.04
    found = damp(plane(alpha), plane(previous))[0, 0].numpy()
    moves = np.zeros((SIZE, SIZE), bool)
    moves[:TILE, 2 * TILE : 3 * TILE] = True
    np.testing.assert_allclose(found[~moves], previous[~moves], atol=1e-6)
    np.testing.assert_allclose(found[moves], alpha[moves], atol=1e-6)


def test_the_first_frame_is_not_damped():
    alpha = torch.rand(1, 1, SIZE, SIZE)
    assert torch.equal(damp(alpha, torch.full_like(alpha, NO_PREVIOUS)), alpha)


def blob() -> torch.Tensor:
    y, x = np.mgrid[:SIZE, :SIZE]
    return plane(np.where((y - 30) ** 2 + (x - 34) ** 2 < 18**2, 255, 0))


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("result", list(Result))
def test_a_live_graph_of_a_first_frame_is_the_one_that_takes_a_mask(result, channels_last, minute):
    image, mask, none = torch.rand(1, 3, SIZE, SIZE) * 255, blob(), torch.full((1, 1, SIZE, SIZE), NO_PREVIOUS)
    if channels_last:
        image, mask, none = (each.permute(0, 2, 3, 1) for each in (image, mask, none))
    planar = StaticGraph(minute, PathSpec.full(minute.block_count))
    graph = ChannelsLastGraph(planar) if channels_last else planar
    with torch.no_grad():
        ends = {source: with_ends(graph, Ends(source, result, BAND), channels_last=channels_last) for source in Source}
        still = ends[Source.MASK](image=image, mask=mask)
        live = ends[Source.MASK_AND_PREVIOUS](image=image, mask=mask, previous=none)
    for one, other in zip(still, live, strict=True):
        torch.testing.assert_close(one, other)


def test_known_pixels_stay_exact_whatever_the_last_frame_was(minute):
    ends = Ends(Source.MASK_AND_PREVIOUS, band_px=BAND)
    graph = with_ends(StaticGraph(minute, PathSpec.full(minute.block_count)), ends)
    for seed in range(5):
        random = np.random.default_rng(seed)
        mask, previous = blob(), plane(random.choice([0.0, 0.01, 0.5, 0.99, 1.0], (SIZE, SIZE)))
        trimap = ends.make_trimap(mask, previous, SIZE, SIZE)
        with torch.no_grad():
            (alpha,) = graph(
                image=plane(random.random((SIZE, SIZE)) * 255).expand(1, 3, -1, -1), mask=mask, previous=previous
            )
        assert (alpha[trimap == 0] == 0).all() and (alpha[trimap == 255] == 1).all()
        assert (alpha >= 0).all() and (alpha <= 1).all()


@pytest.fixture(scope="module")
def minute():
    torch.manual_seed(0)
    return Supernet(VARIANTS["pam-minute"]).eval()


@pytest.fixture(scope="module")
def costs(minute):
    return GovernorCosts.of(mac_cost_table(minute.config, SIZE, SIZE))


@pytest.mark.parametrize("wish", [-0.9, -0.3, 0.3, 0.9])
def test_a_block_keeps_what_it_did_unless_its_gate_clearly_wants_otherwise(wish, costs):
    """In the graph and in the reference."""
    undecided = Supernet(VARIANTS["pam-minute"]).eval()
    lean_towards_running(undecided, wish)
    table = BudgetTable((0.0,) * undecided.config.budget_indices)
    graph = DynamicGraph(undecided, costs, table).eval()
    image, trimap = torch.rand(1, 3, SIZE, SIZE) * 255, torch.full((1, 1, SIZE, SIZE), 128.0)
    for seed in range(4):
        last = PathSpec(tuple(bool(bit) for bit in np.random.default_rng(seed).integers(0, 2, undecided.block_count)))
        reference = run_governed(undecided, costs, table, image, trimap, costs.full, last)
        with torch.no_grad():
            _, path, _ = graph(image, trimap, torch.tensor([costs.full]), torch.tensor(last.runs).float())
        wanted = last.runs if abs(wish) < HYSTERESIS else (wish > 0,) * len(last)
        assert reference.path.runs == wanted == tuple(path.bool().tolist())


def test_half_a_path_leans_to_neither(minute, costs):
    table = BudgetTable((0.0,) * minute.config.budget_indices)
    graph = DynamicGraph(minute, costs, table).eval()
    image, trimap = torch.rand(1, 3, SIZE, SIZE) * 255, torch.full((1, 1, SIZE, SIZE), 128.0)
    budget = torch.tensor([costs.full])
    with torch.no_grad():
        without, with_half = (
            graph(image, trimap, budget),
            graph(image, trimap, budget, torch.full((minute.block_count,), 0.5)),
        )
    for one, other in zip(without, with_half, strict=True):
        assert torch.equal(one, other)
