"""What an entry point should compute, according to the supernet in PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pam_edge.delivery.artifact.manifest import EntryPointRecord, Manifest, SelectionRecord
from pam_edge.evaluation.parity import Reference, to_tensors
from pam_edge.evaluation.pictures import Picture
from pam_edge.graphs.governed import GovernedOutput, run_governed
from pam_edge.graphs.governor import BudgetTable, GovernorCosts
from pam_edge.supernet.path import PathSpec


@dataclass(frozen=True, slots=True)
class ExpectedMatte:
    """What an entry point should give for a picture.

    Attributes:
        alpha: float32[H, W].
        path: that a dynamic graph should take; None for all others.
        margins: per block, by how much its gate prefers to run; None where the governor left it no choice. Empty where
            the path is fixed.
    """

    alpha: NDArray[np.float32]
    path: PathSpec | None
    margins: tuple[float | None, ...]


def selection_of(manifest: Manifest) -> tuple[GovernorCosts, BudgetTable]:
    """Return the governor's costs and the budget table of a dynamic graph's manifest."""
    assert manifest.selection is not None, "the manifest of a dynamic graph states how it selects"
    return governor_costs(manifest.selection), BudgetTable(manifest.selection.thresholds)


def governor_costs(record: SelectionRecord) -> GovernorCosts:
    """Return the costs that a record states."""
    return GovernorCosts(
        fixed=record.fixed, run=record.run, bypass=record.bypass, unit=record.unit, margin=record.margin
    )


def expected_path(
    manifest: Manifest, entry: EntryPointRecord, reference: Reference, picture: Picture, budget: float | None
) -> PathSpec:
    """Return the path that an entry point should take on a picture, a dynamic one within a budget."""
    if entry.path is not None:
        return PathSpec.parse(entry.path)
    assert budget is not None, "a dynamic graph is run within a budget"
    return _governed(manifest, reference, picture, budget).path


def expected_matte(
    manifest: Manifest, entry: EntryPointRecord, reference: Reference, picture: Picture
) -> ExpectedMatte:
    """Return what an entry point should give for a picture."""
    if entry.path is not None:
        return ExpectedMatte(reference.alpha(PathSpec.parse(entry.path), picture), None, ())
    assert entry.budget_input is not None, "the manifest of a dynamic graph states every budget"
    governed = _governed(manifest, reference, picture, entry.budget_input)
    return ExpectedMatte(governed.alpha[0, 0].numpy(), governed.path, governed.free_margins)


def _governed(manifest: Manifest, reference: Reference, picture: Picture, budget: float) -> GovernedOutput:
    costs, table = selection_of(manifest)
    return run_governed(reference.supernet, costs, table, *to_tensors(picture), budget)
