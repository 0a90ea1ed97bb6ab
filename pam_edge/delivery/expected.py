"""What an entry point should compute, according to the supernet in PyTorch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pam_edge.delivery.manifest import EntryPointRecord, Manifest, SelectionRecord
from pam_edge.evaluation.parity import Reference, to_tensors
from pam_edge.evaluation.pictures import Picture
from pam_edge.graphs.governed import run_governed
from pam_edge.graphs.governor import BudgetTable, GovernorCosts
from pam_edge.supernet.path import PathSpec


def selection_of(manifest: Manifest) -> tuple[GovernorCosts, BudgetTable]:
    """Return the governor's costs and the budget table of a dynamic graph's manifest."""
    assert manifest.selection is not None, "the manifest of a dynamic graph states how it selects"
    return governor_costs(manifest.selection), BudgetTable(manifest.selection.thresholds)


def governor_costs(record: SelectionRecord) -> GovernorCosts:
    """Return the costs that a record states."""
    return GovernorCosts(record.unit, record.fixed, record.run, record.bypass, record.margin)


def expected_path(
    manifest: Manifest, entry: EntryPointRecord, reference: Reference, picture: Picture, budget: float | None
) -> PathSpec:
    """Return the path that an entry point should take on a picture, a dynamic one within a budget."""
    if entry.path is not None:
        return PathSpec.parse(entry.path)
    assert budget is not None, "a dynamic graph is run within a budget"
    costs, table = selection_of(manifest)
    return run_governed(reference.supernet, costs, table, *to_tensors(picture), budget).path


def expected_alpha(
    manifest: Manifest, entry: EntryPointRecord, reference: Reference, picture: Picture
) -> NDArray[np.float32]:
    """Return the alpha float32[H, W] that an entry point should give for a picture."""
    return reference.alpha(expected_path(manifest, entry, reference, picture, entry.budget_input), picture)
