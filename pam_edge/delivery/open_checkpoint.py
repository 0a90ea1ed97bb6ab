"""Matte with a checkpoint in PyTorch, as its dynamic graph or one of its static graphs would."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from pam_edge.errors import UsageError
from pam_edge.evaluation.budget_table import calibrated_budget_table
from pam_edge.evaluation.parity import as_tensors
from pam_edge.graphs.governed import run_governed
from pam_edge.graphs.governor import GovernorCosts, budget_input
from pam_edge.planning.budget import NAMED_BUDGETS, parse_budget
from pam_edge.planning.conditions import Conditions
from pam_edge.planning.planner import Plan
from pam_edge.planning.service import DEFAULT_SIZE, Planned, plan
from pam_edge.supernet.checkpoint import Checkpoint, load_checkpoint
from pam_edge.terms import Mode
from pam_edge.workers import check_threads

Record = Callable[[str, float], None]
"""Called with the path that the gates chose and its predicted cost in GMACs, after each run."""

Alpha = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.float32]]
"""Alpha float32[H, W] of image uint8[H, W, 3] and trimap uint8[H, W], both of ``DEFAULT_SIZE``."""


def open_checkpoint(
    reference: str, budget: str | None, mode: Mode, record: Record, *, threads: int
) -> tuple[Alpha, str]:
    """Return what mattes, and what a user should be told about it.

    Args:
        reference: variant name or checkpoint file.
        budget: that can be counted in MACs; None allows the full path.
        mode: dynamic, in which the gates choose per picture within the budget; or static, along the planned path.
        record: of what the gates choose.
        threads: of PyTorch.

    Raises:
        UsageError: if the mode is another one, or there can be no such number of threads.
        PamEdgeError: if the checkpoint cannot be loaded or the budget cannot be kept.
    """
    if mode not in (Mode.DYNAMIC, Mode.STATIC):
        raise UsageError(
            f"--mode: a checkpoint mattes in mode dynamic or static; got {mode}. Leave it out for dynamic."
        )
    check_threads(threads)
    torch.set_num_threads(threads)
    checkpoint = load_checkpoint(reference)
    asked = parse_budget(budget) if budget is not None else NAMED_BUDGETS["mild"]
    planned = plan(checkpoint, (asked,), Conditions(checkpoint.config, *DEFAULT_SIZE, mode=mode))
    if mode is Mode.STATIC:
        return _along_path(checkpoint, planned.plans[0])
    return _by_gates(checkpoint, planned, record)


def _along_path(checkpoint: Checkpoint, chosen: Plan) -> tuple[Alpha, str]:
    def run(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.no_grad():
            alpha = checkpoint.supernet(*as_tensors(image, trimap), path=chosen.path).alpha
        return np.asarray(alpha[0, 0].numpy())

    told = f"{checkpoint.title}, {chosen.budget}, static path {chosen.path}, {chosen.gmacs:.2f} GMACs, PyTorch"
    return run, told


def _by_gates(checkpoint: Checkpoint, planned: Planned, record: Record) -> tuple[Alpha, str]:
    costs = GovernorCosts.of(planned.costs)
    table = calibrated_budget_table(checkpoint, costs)
    chosen = planned.plans[0]
    limit = budget_input(chosen.budget, costs, chosen.path)
    supernet = checkpoint.supernet.eval()

    def run(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = run_governed(supernet, costs, table, *as_tensors(image, trimap), limit)
        record(str(found.path), found.cost)
        return np.asarray(found.alpha[0, 0].numpy())

    return (
        run,
        f"{checkpoint.title}, {chosen.budget}, path chosen by the gates within {limit:.3g} {costs.unit}, PyTorch",
    )
