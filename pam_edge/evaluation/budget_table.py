"""Fits the table from budget to row of the cost constraint embedding that a dynamic graph carries."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch

from pam_edge.evaluation.parity import to_tensors
from pam_edge.evaluation.pictures import Picture, bundled_pictures, fit
from pam_edge.graphs.governor import BudgetTable, GovernorCosts
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec

CALIBRATION_SIZE = 256
"""Height and width at which the gates are asked what they choose for each budget."""


def fit_budget_table(supernet: Supernet, costs: GovernorCosts, pictures: Sequence[Picture]) -> BudgetTable:
    """Return the table by which a budget gets the highest row whose paths it can pay for.

    A row's threshold is the cost of the dearest path that the gates choose with it on the pictures, so that the
    governor, which cuts from the end of the network, has little left to do. Thresholds never fall from row to row.

    Args:
        supernet: in evaluation mode.
        costs: of the device.
        pictures: all of one size, a multiple of 32; a few are enough.
    """
    tensors = [to_tensors(picture) for picture in pictures]
    image, trimap = torch.cat([pair[0] for pair in tensors]), torch.cat([pair[1] for pair in tensors])
    dearest: list[float] = []
    with torch.no_grad():
        for row in range(supernet.config.budget_indices):
            runs = supernet(image, trimap, budget_index=torch.full((len(image),), row)).runs
            dearest.append(max(costs.cost(PathSpec(tuple(map(bool, path)))) for path in runs.tolist()))
    return BudgetTable((0.0, *accumulate(dearest[1:], max)))


def calibrated_budget_table(supernet: Supernet, costs: GovernorCosts) -> BudgetTable:
    """Return the table that the photographs of this package give, which a dynamic graph carries."""
    pictures = [fit(picture, CALIBRATION_SIZE, CALIBRATION_SIZE) for picture in bundled_pictures()]
    return fit_budget_table(supernet, costs, pictures)
