"""Multiply-accumulates of a supernet: fixed part, and each block's run and bypass.

Convention: one multiply-add of a convolution is one MAC; biases, pooling, resizing, activations and elementwise
arithmetic count nothing. This is half of what PyTorch's FlopCounterMode reports, and the tests compare the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from pam_edge.supernet.additive_cost import AdditiveCost
from pam_edge.supernet.config import SupernetConfig
from pam_edge.supernet.network import Supernet


@dataclass(frozen=True, slots=True, kw_only=True)
class MacTable(AdditiveCost[int]):
    """MACs of one image of a given size along any static path; ``fixed`` has channel attention in it.

    Attributes:
        gates: the gates' MLPs, which only a dynamic graph evaluates.
    """

    gates: int


def count_macs(config: SupernetConfig, height: int, width: int) -> MacTable:
    """Count by running both extreme paths on shapes alone (meta tensors: no memory, no arithmetic)."""
    network = shapes_alone(config)
    counts: dict[str, int] = {}
    with torch.no_grad(), _counting(network, counts):
        image, trimap = torch.empty(1, 3, height, width, device="meta"), torch.empty(1, 1, height, width, device="meta")
        embedding = torch.empty(1, config.embedding_size, 1, 1, device="meta")

        def visit(index: int, x: Tensor) -> Tensor:
            choice = network.choice(index)
            attended, pooled = choice.gate.attend(x)
            choice.gate.logits(pooled, embedding)
            choice.take(attended, run=False)
            return choice.take(attended, run=True)

        network.trunk(image, trimap, visit)
    return _tabulate(counts, config.block_count)


@lru_cache(maxsize=8)
def shapes_alone(config: SupernetConfig) -> Supernet:
    """Return a supernet of meta tensors, which have shapes and no values; made once, so leave nothing hooked to it.

    It is made on the CPU first: initialising meta tensors makes PyTorch import its compiler, which takes seconds. It
    has no batch norm, which graphs fold away and whose shapes take PyTorch half of the time.
    """
    with torch.random.fork_rng(devices=[]):
        network = Supernet(config).eval().to("meta")
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, nn.Identity())
    return network


@contextmanager
def _counting(network: nn.Module, counts: dict[str, int]) -> Iterator[None]:
    def hook(name: str) -> torch.utils.hooks.RemovableHandle:
        def record(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            assert isinstance(module, nn.Conv2d)
            counts[name] = output.shape[0] * output.shape[2] * output.shape[3] * module.weight.numel()

        return network.get_submodule(name).register_forward_hook(record)

    handles = [hook(name) for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _tabulate(counts: dict[str, int], block_count: int) -> MacTable:
    def total(*prefixes: str) -> int:
        return sum(macs for name, macs in counts.items() if name.startswith(prefixes))

    run = tuple(total(f"blocks.{index}.block.") for index in range(block_count))
    bypass = tuple(total(f"blocks.{index}.connect.") for index in range(block_count))
    gates = total(*(f"blocks.{index}.gate.choice." for index in range(block_count)))
    fixed = sum(counts.values()) - gates - sum(run) - sum(bypass)
    return MacTable(fixed=fixed, gates=gates, run=run, bypass=bypass)
