"""What several processes have to exchange."""

from __future__ import annotations

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from torch import nn


def average_gradients(fabric: Fabric, supernet: nn.Module) -> None:
    """Average gradients over processes in one message; a parameter that no path used counts as zero.

    A frozen parameter keeps none: with a gradient of zero, weight decay would move it. With one process nothing
    happens: a parameter that was not used keeps no gradient, and the optimizer leaves it.
    """
    if fabric.world_size == 1:
        return
    parameters = [parameter for parameter in supernet.parameters() if parameter.requires_grad]
    flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters])
    mean = fabric.all_reduce(flat, reduce_op="mean")
    assert isinstance(mean, torch.Tensor)
    for parameter, part in zip(parameters, torch.split(mean, [p.numel() for p in parameters]), strict=True):
        parameter.grad = part.view_as(parameter).clone()


def agree(fabric: Fabric, value: float) -> float:
    """Return the mean of a number over all processes: clocks differ, and all have to stop at the same step."""
    if fabric.world_size == 1:
        return value
    return float(fabric.all_reduce(torch.tensor(value, dtype=torch.float64), reduce_op="mean"))


def any_process(fabric: Fabric, flag: torch.Tensor) -> torch.Tensor:
    """Return whether a flag, bool[], is set on any process."""
    if fabric.world_size == 1:
        return flag
    total = fabric.all_reduce(flag.float(), reduce_op="sum")
    assert isinstance(total, torch.Tensor)
    return total > 0


def gather_rows(fabric: Fabric, rows: NDArray[np.float64], total: int) -> NDArray[np.float64]:
    """Join the rows of all processes, where process r holds rows r, r + world, r + 2 world and so on.

    Args:
        fabric: the processes.
        rows: float64[n, C], this process's part.
        total: rows of all processes together.

    Returns:
        float64[total, C], the same on every process and for any number of them.
    """
    whole = torch.zeros((total, rows.shape[1]), dtype=torch.float64)
    whole[fabric.global_rank :: fabric.world_size] = torch.from_numpy(rows)
    if fabric.world_size == 1:
        return whole.numpy()
    summed = fabric.all_reduce(whole, reduce_op="sum")
    assert isinstance(summed, torch.Tensor)
    return summed.cpu().numpy()
