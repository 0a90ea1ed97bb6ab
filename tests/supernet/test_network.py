"""The supernet computes what its contract says, along any path."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from pam_edge.errors import UsageError
from pam_edge.supernet.macs import count_macs
from pam_edge.supernet.network import Supernet, shuffle_pixels, split_trimap
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import VARIANTS, variant


@pytest.fixture(scope="module")
def minute() -> Supernet:
    torch.manual_seed(0)
    return Supernet(variant("pam-minute")).eval()


def inputs(n=1, height=64, width=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 256, (n, 3, height, width), generator=generator).float()
    trimap = torch.tensor([0.0, 128.0, 255.0])[torch.randint(0, 3, (n, 1, height, width), generator=generator)]
    return image, trimap


@pytest.mark.parametrize(
    ("name", "parameters", "full_gmacs", "shortest"),
    [
        ("pam-base", (6.958e6, 7.242e6), (72, 75), 50 / 75),
        ("pam-small", (2.1e6, 2.5e6), (22, 25), 0.60),
        ("pam-tiny", (0.7e6, 0.9e6), (8, 11), 0.60),
    ],
)
def test_variant_has_the_contracts_size(name, parameters, full_gmacs, shortest):
    config = variant(name)
    with torch.device("meta"):
        count = sum(p.numel() for p in Supernet(config).parameters())
    macs = count_macs(config, 1024, 1024)
    assert parameters[0] <= count <= parameters[1]
    assert full_gmacs[0] <= macs.full / 1e9 <= full_gmacs[1]
    assert macs.shortest <= shortest * macs.full


@pytest.mark.parametrize("bits", ["1111", "0000", "1010", "0101", "0011", "1000"])
def test_macs_of_a_path_are_half_of_pytorchs_flops(minute, bits):
    path = PathSpec.parse(bits)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        minute(*inputs(height=96, width=64), path=path)
    assert count_macs(minute.config, 96, 64).cost(path) * 2 == counter.get_total_flops()


def test_macs_of_the_gates_are_what_a_gated_pass_adds(minute):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = minute(*inputs(), budget_index=torch.tensor([2]))
    table = count_macs(minute.config, 64, 64)
    path = PathSpec(tuple(output.runs[0].tolist()))
    assert (table.cost(path) + table.gates) * 2 == counter.get_total_flops()


def test_alpha_is_exact_where_the_trimap_is_known(minute):
    image, trimap = inputs(2)
    alpha = minute(image, trimap, path=PathSpec.parse("1001")).alpha
    assert (alpha[trimap == 0] == 0).all()
    assert (alpha[trimap == 255] == 1).all()
    assert (alpha >= 0).all()
    assert (alpha <= 1).all()


def test_gated_batch_gives_each_image_its_own_path_and_alpha(minute):
    for seed, choice in enumerate(minute.blocks):
        torch.nn.init.normal_(choice.gate.choice[2].weight, std=30.0, generator=torch.Generator().manual_seed(seed))
    image, trimap = inputs(4, seed=3)
    image[1] *= 0.1
    image[2] = 255 - image[2] * 0.05
    index = torch.tensor([0, 1, 3, 4])
    with torch.no_grad():
        together = minute(image, trimap, budget_index=index)
        alone = [minute(image[i : i + 1], trimap[i : i + 1], budget_index=index[i : i + 1]) for i in range(4)]
    assert len({str(runs.tolist()) for runs in together.runs}) > 1
    for i, single in enumerate(alone):
        assert torch.equal(single.runs[0], together.runs[i])
        assert torch.allclose(single.alpha[0], together.alpha[i], atol=1e-5)


def test_gated_pass_equals_the_forced_path_that_it_chose(minute):
    image, trimap = inputs(seed=5)
    with torch.no_grad():
        gated = minute(image, trimap, budget_index=torch.tensor([1]))
        forced = minute(image, trimap, path=PathSpec(tuple(gated.runs[0].tolist())))
    assert torch.equal(gated.alpha, forced.alpha)


@given(value=st.floats(-10, 300, width=32))
@settings(max_examples=200, deadline=None)
def test_trimap_thresholds_are_exact(value):
    background, unknown, foreground = split_trimap(torch.full((1, 1, 1, 1), value))[0, :, 0, 0].tolist()
    assert background == float(value < 64)
    assert foreground == float(value >= 192)
    assert unknown == float(64 <= value < 192)


def test_pixels_are_shuffled_as_pytorch_does():
    cells = torch.randn(2, 4, 3, 5)
    assert torch.equal(shuffle_pixels(cells), torch.nn.functional.pixel_shuffle(cells, 2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": torch.zeros(1, 3, 60, 64)}, "one size"),
        ({"image": torch.zeros(1, 3, 60, 60), "trimap": torch.zeros(1, 1, 60, 60)}, "multiples of 32"),
        ({"path": None}, "either a path or a budget_index"),
        ({"path": PathSpec.parse("11")}, "has 4 blocks"),
    ],
)
def test_unusable_arguments_are_refused(minute, change, message):
    arguments = {"image": torch.zeros(1, 3, 64, 64), "trimap": torch.zeros(1, 1, 64, 64), "path": PathSpec.full(4)}
    arguments |= change
    with pytest.raises(UsageError, match=message):
        minute(arguments["image"], arguments["trimap"], path=arguments["path"])


def test_variants_are_told_apart_by_their_hash():
    hashes = {config.architecture_hash() for config in VARIANTS.values()}
    assert len(hashes) == len(VARIANTS)
