import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_edge.learning.batches import Batch
from pam_edge.learning.config import LossConfig
from pam_edge.learning.losses import (
    alpha_loss,
    bounded,
    composition_loss,
    distillation_loss,
    l1_loss,
    laplacian_loss,
    path_loss,
)


def alphas(seed, n=2, size=32):
    return torch.rand(n, 1, size, size, generator=torch.Generator().manual_seed(seed))


def test_l1_counts_unknown_pixels_only():
    weight = torch.zeros(1, 1, 4, 4)
    weight[..., 0, 0] = 1
    alpha, target = torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    target[..., 0, 0] = 0.75
    assert l1_loss(alpha, target, weight).item() == pytest.approx(0.25)


def test_composition_loss_equals_the_difference_of_two_compositions():
    generator = torch.Generator().manual_seed(0)
    front, back = torch.rand(2, 2, 3, 8, 8, generator=generator)
    alpha, target = alphas(1, size=8), alphas(2, size=8)
    weight = torch.ones(2, 1, 8, 8)
    composed = [a * front + (1 - a) * back for a in (alpha, target)]
    expected = (composed[0] - composed[1]).abs().mean((1, 2, 3))
    contrast = (front - back).abs().mean(1, keepdim=True)
    torch.testing.assert_close(composition_loss(alpha, target, weight, contrast), expected)


def test_every_loss_is_zero_for_the_true_alpha():
    alpha, weight = alphas(3), torch.ones(2, 1, 32, 32)
    batch = Batch(alpha, alpha, alpha, weight, weight)
    assert alpha_loss(alpha, batch, LossConfig()).item() == 0
    assert distillation_loss(alpha, alpha, weight, 1e-6).item() == pytest.approx(1e-6)


def test_a_constant_error_lives_in_the_laplacians_last_level_alone():
    weight = torch.ones(1, 1, 64, 64)
    alpha = torch.full((1, 1, 64, 64), 0.25)
    assert laplacian_loss(alpha, torch.zeros_like(alpha), weight).item() == pytest.approx(2**4 * 0.25, rel=1e-5)


def test_bounded_clamps_but_keeps_the_gradient():
    raw = torch.tensor([-0.5, 0.5, 1.5], requires_grad=True)
    out = bounded(raw)
    out.sum().backward()
    assert out.tolist() == pytest.approx([0.0, 0.5, 1.0])
    assert raw.grad is not None
    assert raw.grad.tolist() == [1.0, 1.0, 1.0]


def test_path_loss_sums_cross_entropies_over_blocks():
    labels = torch.tensor([[True, False, True]])
    assert path_loss(torch.zeros(1, 3, 2), labels).item() == pytest.approx(3 * 0.693147, rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_a_split_batch_has_the_mean_of_its_parts_losses(seed):
    alpha, target, weight = alphas(seed, 4), alphas(seed + 1, 4), (alphas(seed + 2, 4) > 0.5).float()
    whole = Batch(alpha, alpha, target, weight, weight)
    parts = [Batch(*(getattr(whole, name)[part] for name in Batch.__slots__)) for part in (slice(0, 2), slice(2, 4))]
    halves = [alpha_loss(part.image, part, LossConfig()) for part in parts]
    torch.testing.assert_close(alpha_loss(alpha, whole, LossConfig()), (halves[0] + halves[1]) / 2)
