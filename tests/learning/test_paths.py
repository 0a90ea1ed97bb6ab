import math

import numpy as np
import pytest
import torch

from pam_edge.learning.batches import collate
from pam_edge.learning.calibration import gate_choices, path_errors, usual_paths
from pam_edge.learning.composition import Composer
from pam_edge.learning.config import LossConfig, StageConfig
from pam_edge.learning.costs import budget_scale
from pam_edge.learning.forward import calibrate_norms, disable_connects, forward_along, forward_with_logits
from pam_edge.learning.labels import gumbel_choice, label_paths, propose
from pam_edge.learning.library import load_library
from pam_edge.learning.losses import excess_loss
from pam_edge.learning.prior import Prior, make_prior, sample_paths, shortlist, uniform_prior
from pam_edge.learning.stages import GumbelStage, PathStage, WarmUpStage, draw_row
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import variant

CONFIG = variant("pam-minute")
LENGTH = CONFIG.block_count


@pytest.fixture
def supernet():
    torch.manual_seed(0)
    return Supernet(CONFIG).eval()


@pytest.fixture
def batch(data_config):
    composer = Composer(load_library(data_config), data_config, seed=5)
    return collate([composer.make(number, 32) for number in range(3)])


@pytest.fixture
def scale():
    return budget_scale(CONFIG)


def bits(path):
    return torch.tensor(path.runs)


@pytest.mark.parametrize("path", list(PathSpec.all(LENGTH))[::3], ids=str)
def test_training_s_forward_pass_equals_the_supernet_s(supernet, batch, path):
    with torch.no_grad():
        expected = supernet(batch.image, batch.trimap, path=path).alpha
        torch.testing.assert_close(forward_along(supernet, batch, bits(path)), expected)


def test_images_of_one_batch_may_take_different_paths(supernet, batch):
    runs = torch.tensor([[True] * LENGTH, [False] * LENGTH, [True, False] * (LENGTH // 2) + [True] * (LENGTH % 2)])
    with torch.no_grad():
        mixed = forward_along(supernet, batch, runs)
        for index, path in enumerate(runs):
            alone = forward_along(supernet, batch, path)[index]
            torch.testing.assert_close(mixed[index], alone, atol=1e-5, rtol=1e-5)


def test_logits_along_a_path_are_those_that_the_gates_see(supernet, batch):
    index = torch.full((3,), 2)
    with torch.no_grad():
        gated = supernet(batch.image, batch.trimap, budget_index=index)
        _, logits = forward_with_logits(supernet, batch, gated.runs, index)
    torch.testing.assert_close(logits, gated.logits)


def test_calibrated_connect_layers_are_normalised_on_what_they_will_see(supernet, batch):
    calibrate_norms(supernet, [batch, batch])
    norm = supernet.choice(0).connect.branch[0][1]
    assert norm.num_batches_tracked == 2
    assert not torch.equal(norm.running_var, torch.ones_like(norm.running_var))
    assert norm.momentum == 0.1


def test_without_connect_layers_a_bypass_is_an_identity(supernet, batch):
    disable_connects(supernet)
    x = torch.rand(1, CONFIG.widths[1], 8, 8)
    assert torch.equal(supernet.choice(0).take(x, run=False), x)
    assert not any(parameter.requires_grad for parameter in supernet.choice(0).connect.parameters())


def test_row_limits_run_from_the_shortest_to_the_full_path(scale):
    assert scale.cost(PathSpec.shortest(LENGTH)) <= scale.limit(0)
    assert scale.cost(PathSpec.full(LENGTH)) <= scale.limit(scale.rows - 1)
    assert scale.cost(PathSpec.full(LENGTH)) > scale.limit(scale.rows - 2)


def test_budgets_may_be_counted_in_a_device_s_milliseconds():
    milliseconds = budget_scale(variant("pam-tiny"), "iphone13")
    assert 0 < milliseconds.shortest < milliseconds.full
    assert milliseconds.run != budget_scale(variant("pam-tiny")).run


def longer(path):
    """Return the paths that run one more block."""
    runs = path.runs
    return [PathSpec((*runs[:block], True, *runs[block + 1 :])) for block in range(len(runs)) if not runs[block]]


def test_sampled_paths_leave_no_room_for_another_block(scale):
    paths = sample_paths(scale, 3, seed=0)
    for path in paths:
        room = min((scale.cost(more) for more in longer(path)), default=math.inf)
        assert any(scale.cost(path) <= scale.limit(row) < room for row in range(scale.rows)), str(path)


def test_sampled_paths_are_repeatable_and_hold_the_extremes(scale):
    paths = sample_paths(scale, 3, seed=0)
    assert paths == sample_paths(scale, 3, seed=0)
    assert {PathSpec.full(LENGTH), PathSpec.shortest(LENGTH)} <= set(paths)


def test_the_prior_is_how_often_a_path_is_best_under_the_budget(scale):
    paths = [PathSpec.shortest(LENGTH), PathSpec.full(LENGTH)]
    prior = make_prior(np.array([[0.1, 0.2], [0.3, 0.2], [0.3, 0.1]]), paths, scale)
    assert prior.rows[-1] == {str(paths[1]): 1.0}, "just under the full cost lies the full path alone"
    assert prior.rows[0] == {str(paths[0]): 1.0}
    assert prior.path_errors[str(paths[0])] == pytest.approx(0.7 / 3)


def test_every_candidate_of_a_budget_is_within_it(supernet, batch, scale):
    paths = list(PathSpec.all(LENGTH))
    prior = make_prior(path_errors(supernet, [batch], paths), paths, scale)
    for kind in (prior, uniform_prior(prior, scale)):
        for row in range(scale.rows):
            found = kind.draw(row, 5, torch.Generator().manual_seed(row))
            assert found
            assert len(set(found)) == len(found)
            assert all(scale.cost(path) <= scale.limit(row) for path in found)


def test_a_prior_survives_its_file_in_a_folder_that_is_new(scale, tmp_path):
    prior = make_prior(np.ones((1, 2)), [PathSpec.shortest(LENGTH), PathSpec.full(LENGTH)], scale)
    file = tmp_path / "new" / "prior.json"
    prior.save(file)
    assert Prior.load(file) == prior


def test_gumbel_choices_are_one_hot_follow_the_softmax_and_carry_its_gradient():
    logits = torch.tensor([[0.0, 1.0]]).repeat(4000, 1).requires_grad_()
    choice = gumbel_choice(logits, 1.0, torch.Generator().manual_seed(0))
    assert choice.detach().unique().tolist() == [0.0, 1.0]
    assert choice[:, 1].mean().item() == pytest.approx(torch.sigmoid(torch.tensor(1.0)).item(), abs=0.03)
    choice[:, 1].sum().backward()
    assert logits.grad is not None
    assert (logits.grad[:, 1] > 0).any()


def test_a_proposal_over_budget_is_never_the_label(supernet, batch, scale):
    full = torch.ones(3, LENGTH, dtype=torch.bool)
    labels = label_paths(supernet, batch, scale.limit(0), [PathSpec.shortest(LENGTH)], (full, batch.alpha), scale)
    assert not labels.any()


def test_the_best_eligible_path_is_the_label(supernet, batch, scale):
    full = torch.ones(3, LENGTH, dtype=torch.bool)
    candidates = [PathSpec.shortest(LENGTH)]
    # The proposal comes with the true alpha, so nothing can beat it.
    labels = label_paths(supernet, batch, scale.limit(scale.rows - 1), candidates, (full, batch.alpha), scale)
    assert labels.all()


def test_path_learning_reaches_the_gates_and_the_matting_layers(supernet, batch, scale):
    paths = list(PathSpec.all(LENGTH))
    prior = make_prior(path_errors(supernet, [batch], paths), paths, scale)
    config = StageConfig(kind="paths", steps=1, learning_rate=1e-3, phases=[{"share": 1, "crop": 32, "batch": 3}])
    stage = PathStage(LossConfig(), config, supernet, prior, scale)
    result = stage(supernet, batch, torch.Generator().manual_seed(0))
    result.loss.backward()
    assert supernet.choice(0).gate.choice[0].weight.grad is not None
    assert supernet.head.weight.grad is not None
    assert torch.isfinite(result.loss)


def test_without_labels_gumbel_noise_carries_the_matting_gradient_to_the_gates(supernet, batch, scale):
    config = StageConfig(kind="paths", steps=1, learning_rate=1e-3, phases=[{"share": 1, "crop": 32, "batch": 3}])
    result = GumbelStage(LossConfig(), config, scale)(supernet, batch, torch.Generator().manual_seed(0))
    result.loss.backward()
    gradient = supernet.choice(0).gate.choice[0].weight.grad
    assert gradient is not None
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize(("budgets", "first"), [((0.0, 1.0), 0), ((0.5, 1.0), 0.5), ((1.0, 1.0), 1)])
def test_budgets_are_drawn_from_their_whole_range_and_from_nothing_else(scale, budgets, first):
    generator = torch.Generator().manual_seed(1)
    drawn = {draw_row(scale, budgets, generator) for _ in range(1000)}
    assert drawn == set(range(round(first * (scale.rows - 1)), scale.rows))


def test_a_range_of_budgets_upside_down_is_refused():
    phases = [{"share": 1, "crop": 32, "batch": 1}]
    with pytest.raises(ValueError, match="the lower first"):
        StageConfig(kind="paths", steps=1, learning_rate=1e-3, phases=phases, budgets=(1.0, 0.5))


def test_a_path_over_budget_costs_its_excess_in_proportion_to_each_block(scale):
    weights = torch.ones(1, LENGTH, requires_grad=True)
    loss = excess_loss(weights, scale.more(weights), scale.shortest, scale.limit(scale.rows - 2))
    assert loss.item() == pytest.approx(scale.full / scale.limit(scale.rows - 2) - 1, rel=1e-4)
    loss.backward()
    per_cost = weights.grad[0] / scale.more(weights)
    assert torch.allclose(per_cost, per_cost[:1]) and per_cost[0] > 0
    assert excess_loss(weights, scale.more(weights), scale.shortest, scale.limit(scale.rows - 1)).item() == 0


def test_the_shortlist_keeps_the_best_of_each_budget(scale):
    paths = list(PathSpec.all(LENGTH))
    errors = np.array([[float(path.runs[0]) for path in paths]])  # running the first block harms
    kept = shortlist(errors, paths, scale, 1)
    assert {PathSpec.full(LENGTH), PathSpec.shortest(LENGTH)} <= set(kept)
    assert len(kept) <= scale.rows + 2
    assert sum(path.runs[0] for path in kept) <= 2, "the full path, and the one budget under which it is alone"


def test_gate_choices_are_the_supernet_s_for_every_budget(supernet, batch):
    one = batch.__class__(*(getattr(batch, name)[:1] for name in batch.__slots__))
    choices = gate_choices(supernet, one)
    with torch.no_grad():
        expected = supernet(one.image, one.trimap, budget_index=torch.tensor([2])).runs[0]
    assert choices.shape == (CONFIG.budget_indices, LENGTH)
    assert choices[2].tolist() == expected.tolist()


def test_proposals_come_with_the_alpha_along_them(supernet, batch):
    runs, alpha = propose(supernet, batch, torch.zeros(3, dtype=torch.long), 1.0, torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(forward_along(supernet, batch, runs), alpha)


def test_warm_up_paths_vary_and_are_sometimes_full(supernet):
    config = StageConfig(kind="warm-up", steps=1, learning_rate=1e-3, phases=[{"share": 1, "crop": 32, "batch": 2}])
    stage = WarmUpStage(LossConfig(), config, supernet)
    generator = torch.Generator().manual_seed(0)
    drawn = [tuple(stage.draw_path(LENGTH, generator).tolist()) for _ in range(200)]
    assert len(set(drawn)) > LENGTH
    assert 0.1 < np.mean([all(path) for path in drawn]) < 0.7


def test_usual_paths_are_those_that_some_budget_often_takes():
    gates = ({"1010": 0.95, "1110": 0.05}, {"1111": 0.6, "1110": 0.4})
    assert [str(path) for path in usual_paths(gates)] == ["1010", "1110", "1111"]
    assert [str(path) for path in usual_paths(gates[:1])] == ["1010"]
