"""Fits the table from budget to row of the cost constraint embedding that a dynamic graph carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import torch

from pam_edge.evaluation.parity import to_tensors
from pam_edge.evaluation.pictures import Picture, bundled_pictures, fit
from pam_edge.graphs.governor import BudgetTable, GovernorCosts
from pam_edge.supernet.checkpoint import Checkpoint
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec, path_shares

CALIBRATION_SIZE = 256
"""Height and width at which gates that nobody observed in training are asked what they choose for each budget."""
WITHIN = 0.95
"""Share of calibration images whose path a budget must pay for before it gets a row: the governor sees to the rest."""

Choices = Mapping[str, float]
"""Paths, in text form, and the share of images for which the gates choose each."""


def fit_budget_table(rows: Sequence[Choices], costs: GovernorCosts) -> BudgetTable:
    """Return the table by which a budget gets the highest row whose paths it can pay for.

    A row's threshold is the cost within which ``WITHIN`` of its choices are, so that the governor, which cuts from the
    end of the network, has little left to do. Thresholds never fall from row to row.

    Args:
        rows: what the gates choose with each row of the cost constraint embedding.
        costs: of the device.
    """
    return BudgetTable((0.0, *accumulate((_quantile(choices, costs) for choices in rows[1:]), max)))


def _quantile(choices: Choices, costs: GovernorCosts) -> float:
    dearest_first = sorted(((costs.cost(PathSpec.parse(path)), share) for path, share in choices.items()), reverse=True)
    above = accumulate(share for _, share in dearest_first)
    return next(cost for (cost, _), share in zip(dearest_first, above, strict=True) if share > 1 - WITHIN + 1e-9)


def calibrated_budget_table(checkpoint: Checkpoint, costs: GovernorCosts) -> BudgetTable:
    """Return the table that a checkpoint's calibration images give; without any, the package's photographs."""
    rows: Sequence[Choices] = checkpoint.training.gate_paths
    if not rows:
        pictures = [fit(picture, CALIBRATION_SIZE, CALIBRATION_SIZE) for picture in bundled_pictures()]
        rows = choices_on(checkpoint.supernet.eval(), pictures)
    return fit_budget_table(rows, costs)


def choices_on(supernet: Supernet, pictures: Sequence[Picture]) -> tuple[Choices, ...]:
    """Return what the gates choose with each row of the cost constraint embedding.

    Args:
        supernet: in evaluation mode.
        pictures: all of one size, a multiple of 32.
    """
    tensors = [to_tensors(picture) for picture in pictures]
    image, trimap = torch.cat([pair[0] for pair in tensors]), torch.cat([pair[1] for pair in tensors])
    rows = []
    with torch.no_grad():
        for row in range(supernet.config.budget_indices):
            runs = supernet(image, trimap, budget_index=torch.full((len(image),), row)).runs
            rows.append(path_shares(runs.tolist()))
    return tuple(rows)
