"""Forward passes that training needs beside the supernet's own: unclamped, calibrated, observed."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from pam_edge.learning.batches import Batch
from pam_edge.learning.losses import bounded
from pam_edge.supernet.blocks import ConnectLayer
from pam_edge.supernet.network import Step, Supernet, split_trimap


def forward_along(supernet: Supernet, batch: Batch, runs: Tensor) -> Tensor:
    """Matte along given paths with a gradient everywhere in the unknown region.

    Args:
        supernet: the network.
        batch: its image and trimap are used.
        runs: bool[L] for the whole batch, or bool[N, L].

    Returns:
        float32[N, 1, H, W] in [0, 1], exactly 0 and 1 where known.
    """

    def step(index: int, x: Tensor) -> Tensor:
        choice = supernet.choice(index)
        attended = choice.gate.attend(x)[0]
        return take(choice.block, choice.connect, attended, runs[..., index])

    return finish(supernet, batch, step)


def forward_with_logits(supernet: Supernet, batch: Batch, runs: Tensor, budget_index: Tensor) -> tuple[Tensor, Tensor]:
    """Matte along given paths and return the path selection logits met on the way.

    Args:
        supernet: the network.
        batch: its image and trimap are used.
        runs: bool[N, L].
        budget_index: int64[N].

    Returns:
        alpha as ``forward_along`` returns it, and float32[N, L, 2].
    """
    embedding = supernet.embedding(budget_index)[:, :, None, None]
    logits: list[Tensor] = []

    def step(index: int, x: Tensor) -> Tensor:
        choice = supernet.choice(index)
        attended, pooled = choice.gate.attend(x)
        logits.append(choice.gate.logits(pooled, embedding))
        return take(choice.block, choice.connect, attended, runs[:, index])

    alpha = finish(supernet, batch, step)
    return alpha, torch.stack(logits, 1)


def disable_connects(supernet: Supernet) -> None:
    """Make every bypass an identity and keep it one: the last norm of each connect layer gives zero, untrained."""
    for index in range(supernet.block_count):
        connect = supernet.choice(index).connect
        assert isinstance(connect, ConnectLayer)
        last = [module for module in connect.modules() if isinstance(module, nn.BatchNorm2d)][-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        connect.requires_grad_(False)


def calibrate_norms(supernet: Supernet, batches: Iterable[Batch]) -> None:
    """Set every batch norm's statistics to averages over the batches, along the full path, connect layers included.

    Each connect layer sees the input of the block that it stands in for. Later stages keep these statistics, because
    one set has to serve all paths. Mutates the supernet's batch norm buffers and leaves it in evaluation mode.
    """
    norms = [module for module in supernet.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over all batches
    supernet.train()

    def step(index: int, x: Tensor) -> Tensor:
        choice = supernet.choice(index)
        attended = choice.gate.attend(x)[0]
        choice.take(attended, run=False)
        return choice.take(attended, run=True)

    with torch.no_grad():
        for batch in batches:
            supernet.trunk(batch.image, batch.trimap, step)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    supernet.eval()


def finish(supernet: Supernet, batch: Batch, step: Step) -> Tensor:
    """Run the network with ``step`` at every choice; alpha keeps its gradient where it leaves [0, 1]."""
    regions = split_trimap(batch.trimap)
    normalised = (batch.image - supernet.image_mean) / supernet.image_std
    raw = supernet.body(torch.cat([normalised, regions], 1), step).float()
    return bounded(raw) * regions[:, 1:2] + regions[:, 2:3]


def take(block: nn.Module, connect: nn.Module, x: Tensor, runs: Tensor) -> Tensor:
    """Run block or connect layer for each image; both branches see only their own images."""
    if bool(runs.all()):
        return block(x)  # type: ignore[no-any-return]
    if not bool(runs.any()):
        return connect(x)  # type: ignore[no-any-return]
    where = torch.cat([runs.nonzero(), (~runs).nonzero()])[:, 0]
    mixed = torch.cat([block(x[runs]), connect(x[~runs])])
    return mixed[torch.argsort(where)]
