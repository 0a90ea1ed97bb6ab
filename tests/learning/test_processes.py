import os
from types import SimpleNamespace

import pytest
import torch
from lightning.fabric import Fabric
from torch import nn
from torch.multiprocessing.spawn import start_processes

from pam_edge.learning.batches import Batch, collate
from pam_edge.learning.composition import Composer
from pam_edge.learning.config import LossConfig
from pam_edge.learning.distributed import average_gradients, gather_rows
from pam_edge.learning.library import load_library
from pam_edge.learning.norms import share_norms
from pam_edge.learning.stages import CompleteStage
from pam_edge.learning.trainer import set_mode
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.variants import variant


def gradients(supernet, batch):
    CompleteStage(LossConfig())(supernet, batch, torch.Generator()).loss.backward()


def make_supernet():
    torch.manual_seed(0)
    supernet = Supernet(variant("pam-minute")).double()
    set_mode(supernet, freeze_norms=False)
    return supernet


def one_of_two(rank, folder):
    os.environ.update(
        MASTER_ADDR="127.0.0.1", MASTER_PORT="29517", WORLD_SIZE="2", RANK=str(rank), LOCAL_RANK=str(rank)
    )
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    whole = torch.load(f"{folder}/batch.pt", weights_only=True)
    batch = Batch(**{name: value[rank * 2 : rank * 2 + 2] for name, value in whole.items()})
    supernet = make_supernet()
    supernet.embedding.requires_grad_(False)
    share_norms(supernet)
    gradients(supernet, batch)
    fabric = _Fabric(rank)
    average_gradients(fabric, supernet)
    rows = torch.arange(6.0, dtype=torch.float64).view(3, 2).numpy()[rank::2]
    if rank == 0:
        found = {name: p.grad for name, p in supernet.named_parameters() if p.grad is not None}
        torch.save(found, f"{folder}/gradients.pt")
        torch.save(dict(supernet.named_buffers()), f"{folder}/buffers.pt")
    torch.save(torch.from_numpy(gather_rows(fabric, rows, 3)), f"{folder}/rows{rank}.pt")
    torch.distributed.destroy_process_group()


class _Fabric:
    """The part of Fabric that the exchange uses, over a group that is there already."""

    world_size = 2

    def __init__(self, rank):
        self.global_rank = rank

    def all_reduce(self, value, reduce_op):
        torch.distributed.all_reduce(value)
        return value / 2 if reduce_op == "mean" else value


@pytest.fixture(scope="module")
def two(data_root, tmp_path_factory):
    from pam_edge.learning.config import DataConfig

    folder = tmp_path_factory.mktemp("two")
    config = DataConfig(root=data_root, workers=0)
    composer = Composer(load_library(config), config, seed=5)
    batch = collate([composer.make(number, 32) for number in range(4)])
    whole = {name: getattr(batch, name).double() for name in Batch.__slots__}
    torch.save(whole, folder / "batch.pt")
    # Forked: a spawned process could not import a test module that has no package.
    start_processes(one_of_two, args=(str(folder),), nprocs=2, start_method="fork")
    supernet = make_supernet()
    gradients(supernet, Batch(**whole))
    return folder, supernet


def test_two_processes_give_the_gradients_of_one_with_the_doubled_batch(two):
    folder, supernet = two
    found = torch.load(folder / "gradients.pt", weights_only=True)
    for name, parameter in supernet.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(found[name], parameter.grad, msg=name)


def test_two_processes_remember_the_statistics_of_the_whole_batch(two):
    folder, supernet = two
    found = torch.load(folder / "buffers.pt", weights_only=True)
    for name, value in supernet.named_buffers():
        torch.testing.assert_close(found[name], value, msg=name)


def test_rows_measured_by_two_processes_come_back_in_order(two):
    for rank in (0, 1):
        rows = torch.load(two[0] / f"rows{rank}.pt", weights_only=True)
        assert rows.flatten().tolist() == [0, 1, 2, 3, 4, 5]


def test_one_process_exchanges_nothing():
    supernet = make_supernet()
    average_gradients(Fabric(accelerator="cpu", devices=1), supernet)
    assert all(parameter.grad is None for parameter in supernet.parameters())


def test_a_frozen_parameter_gets_no_gradient_and_an_unused_one_counts_as_zero(two):
    found = torch.load(two[0] / "gradients.pt", weights_only=True)
    assert "embedding.weight" not in found
    assert not found["blocks.0.gate.choice.0.weight"].any()


def test_shared_norms_compute_bfloat16_features_in_float32(monkeypatch):
    here = SimpleNamespace(is_initialized=lambda: True, get_world_size=lambda: 2)
    monkeypatch.setattr("pam_edge.learning.norms.distributed", here)
    monkeypatch.setattr("pam_edge.learning.norms.all_reduce", lambda sums: 2 * sums)  # both have the same part
    ordinary, shared = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    share_norms(shared)
    x = (torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) + 5).bfloat16()
    expected = ordinary(torch.cat([x, x]).float())[:2]
    torch.testing.assert_close(shared(x), expected.bfloat16())
    torch.testing.assert_close(dict(shared.named_buffers()), dict(ordinary.named_buffers()))
