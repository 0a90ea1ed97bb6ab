"""A static graph is its path of the supernet, and nothing more."""

import pytest
import torch

from pam_edge.graphs.static import ChannelsLastGraph, StaticGraph, stage_outputs
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import variant


@pytest.fixture(scope="module")
def minute():
    torch.manual_seed(1)
    supernet = Supernet(variant("pam-minute"))
    for module in supernet.modules():  # statistics that a fold cannot get right by accident
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2.0)
            module.bias.data.normal_(std=0.1)
    return supernet.eval()


@pytest.fixture(scope="module")
def pair():
    generator = torch.Generator().manual_seed(2)
    image = torch.randint(0, 256, (1, 3, 64, 96), generator=generator).float()
    trimap = torch.tensor([0.0, 128.0, 255.0])[torch.randint(0, 3, (1, 1, 64, 96), generator=generator)]
    return image, trimap


@pytest.mark.parametrize("path", list(PathSpec.all(4)), ids=str)
def test_static_graph_equals_the_supernet_on_its_path(minute, pair, path):
    with torch.no_grad():
        expected = minute(*pair, path=path).alpha
        assert (StaticGraph(minute, path)(*pair) - expected).abs().max() <= 2e-6


def test_channels_last_graph_equals_the_planar_one(minute, pair):
    graph = StaticGraph(minute, PathSpec.parse("1011"))
    with torch.no_grad():
        nhwc = ChannelsLastGraph(graph)(*(each.permute(0, 2, 3, 1) for each in pair))
        assert torch.allclose(nhwc.permute(0, 3, 1, 2), graph(*pair), atol=1e-6)


def test_no_gate_no_unused_branch_and_no_batch_norm_are_left(minute):
    graph = StaticGraph(minute, PathSpec.parse("1010"))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in graph.modules())
    assert not any("choice" in name or "embedding" in name for name, _ in graph.named_modules())
    taken = sum(p.numel() for p in graph.network.blocks.parameters())
    assert taken < sum(p.numel() for p in minute.blocks.parameters())


def test_the_supernet_is_left_as_it_was(minute):
    before = {name: tensor.clone() for name, tensor in minute.state_dict().items()}
    StaticGraph(minute, PathSpec.full(4))
    assert all(torch.equal(before[name], tensor) for name, tensor in minute.state_dict().items())


def test_stage_outputs_name_every_part_in_the_order_it_ran(minute, pair):
    with torch.no_grad():
        stages = stage_outputs(StaticGraph(minute, PathSpec.full(4)), *pair)
    names = [name for name, _ in stages]
    assert names[:3] == ["stem", "down4", "enc4.0"]
    assert [name for name in names if "." in name] == list(minute.config.block_names)
    assert names[-2:] == ["refine", "head"]
    assert dict(stages)["enc16.0"].shape[2] == 4
