"""What can matte: an artifact's entry point in its runtime, or a checkpoint in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pam_edge.delivery.artifact.artifact import Artifact
    from pam_edge.delivery.artifact.manifest import EntryPointRecord
    from pam_edge.matting.tiling import Matter

CHECKPOINT_SIZE = 512
"""Height and width at which a checkpoint is run, the size that artifacts have by default."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What an artifact's entry point took in one run.

    Attributes:
        path: one bit per block.
        cost: predicted.
        unit: of the cost.
        provenance: how the costs are known.
    """

    path: str
    cost: float
    unit: str
    provenance: str

    def __str__(self) -> str:
        return f"path {self.path}, predicted {self.cost:.4g} {self.unit} ({self.provenance})"


@dataclass(frozen=True, slots=True)
class NamedMatter:
    """A model with what a user should be told about it.

    Attributes:
        matter: computes alpha at its own size.
        description: entry point or path, runtime, and a plain word when the weights are untrained.
        taken: by an artifact, chosen by its graph or planned, for each run so far.
    """

    matter: Matter
    description: str
    taken: list[Taken] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Sized:
    height: int
    width: int
    run: Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.float32]]

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.run(image, trimap)


def open_model(model: str, budget: str | None, *, threads: int) -> NamedMatter:
    """Open an artifact folder, or a checkpoint by name or file, at a budget.

    Args:
        model: artifact folder, variant name or checkpoint file.
        budget: for an artifact one of its entry points' budgets (None: the first), for a dynamic one any in its unit
            or percent (None: 100 %); for a checkpoint any that can be counted in MACs (None: the full path).
        threads: of the runtime.

    Raises:
        UsageError: if the artifact has no such budget.
        BudgetError: if a dynamic artifact cannot keep it.
        PamEdgeError: if the model or its runtime cannot be loaded.
    """
    if Path(model).is_dir():
        return _open_artifact(Path(model), budget, threads)
    return _open_checkpoint(model, budget, threads)


def _open_artifact(directory: Path, budget: str | None, threads: int) -> NamedMatter:
    from pam_edge.delivery.artifact.artifact import Artifact

    artifact = Artifact.read(directory)
    entry, limit, asked = _choose(artifact, budget)
    model = artifact.open(entry, threads=threads)
    taken: list[Taken] = []

    def run(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = model(image, trimap, limit)
        taken.append(Taken(found.path, found.cost, entry.cost_unit, entry.cost_provenance))
        return found.alpha

    untrained = "" if artifact.manifest.checkpoint.trained else " (UNTRAINED)"
    description = f"{artifact.manifest.checkpoint.variant}{untrained}, {asked}, {model.ran_on}"
    return NamedMatter(_Sized(model.height, model.width, run), description, taken)


def _choose(artifact: Artifact, budget: str | None) -> tuple[EntryPointRecord, float | None, str]:
    """Return the entry point for a budget, what its graph is given as one, and both in words."""
    from pam_edge.graphs.governor import budget_input
    from pam_edge.planning.budget import NAMED_BUDGETS, parse_budget

    asked, first = parse_budget(budget) if budget else None, artifact.manifest.entry_points[0]
    selection = artifact.selection
    if selection is None:
        entry = artifact.entry(asked.label) if asked else first
        return entry, None, f"{entry.budget}, path {entry.path}"
    asked = asked or NAMED_BUDGETS["mild"]
    limit = budget_input(asked, selection.costs)
    return first, limit, f"{asked}, {limit:.4g} {selection.costs.unit}"


def _open_checkpoint(reference: str, budget: str | None, threads: int) -> NamedMatter:
    import torch

    from pam_edge.evaluation.parity import to_tensors
    from pam_edge.evaluation.pictures import Picture
    from pam_edge.planning.budget import NAMED_BUDGETS, parse_budget
    from pam_edge.planning.cost import mac_cost_table
    from pam_edge.planning.planner import plan_path
    from pam_edge.supernet.checkpoint import load_checkpoint

    torch.set_num_threads(threads)
    checkpoint = load_checkpoint(reference)
    macs = mac_cost_table(checkpoint.config, CHECKPOINT_SIZE, CHECKPOINT_SIZE)
    plan = plan_path(parse_budget(budget) if budget else NAMED_BUDGETS["mild"], macs, macs)

    def run(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        tensors = to_tensors(Picture("picture", image, trimap, "photograph", "the user's"))
        with torch.no_grad():
            alpha: NDArray[np.float32] = checkpoint.supernet(*tensors, path=plan.path).alpha[0, 0].numpy()
        return alpha

    description = f"{checkpoint.title}, {plan.budget}, path {plan.path}, {plan.gmacs:.2f} GMACs, PyTorch"
    return NamedMatter(_Sized(CHECKPOINT_SIZE, CHECKPOINT_SIZE, run), description)
