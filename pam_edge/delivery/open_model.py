"""What can matte: an artifact's entry point in its runtime, or a checkpoint in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import UsageError
from pam_edge.terms import CostUnit, Mode, Provenance

if TYPE_CHECKING:
    from pam_edge.delivery.artifact.manifest import Manifest
    from pam_edge.matting.tiling import Matter


@dataclass(frozen=True, slots=True)
class Taken:
    """What a dynamic graph chose in one run.

    Attributes:
        path: one bit per block.
        cost: predicted.
        unit: of the cost.
        provenance: how the costs are known.
    """

    path: str
    cost: float
    unit: CostUnit
    provenance: Provenance

    def __str__(self) -> str:
        return f"path {self.path}, predicted {self.cost:.4g} {self.unit} ({self.provenance})"


@dataclass(frozen=True, slots=True)
class NamedMatter:
    """A model with what a user should be told about it.

    Attributes:
        matter: computes alpha at its own size.
        description: entry point or path, runtime, and a plain word when the weights are untrained.
        taken: what a dynamic graph chose and predicted, for each run so far.
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


def open_model(model: str, budget: str | None, *, threads: int, mode: Mode | None = None) -> NamedMatter:
    """Open an artifact folder, or a checkpoint by name or file, at a budget.

    Args:
        model: artifact folder, variant name or checkpoint file.
        budget: for an artifact one of its entry points' budgets (None: the first), for a dynamic one any in its unit
            or percent (None: the first of its own); for a checkpoint any that can be counted in MACs (None: mild).
        threads: of the runtime.
        mode: of a checkpoint, dynamic or static; None: dynamic. An artifact's is its own.

    Raises:
        UsageError: if the artifact has no such budget.
        BudgetError: if a dynamic artifact cannot keep it.
        ArtifactError: if the artifact's file is missing, or was changed since it was made.
        PamEdgeError: if the model or its runtime cannot be loaded.
    """
    if not Path(model).is_dir():
        return _open_checkpoint(model, budget, mode, threads)
    if mode is not None:
        raise UsageError(f"--mode: {model} is an artifact, whose mode is fixed. Leave --mode out.")
    return _open_artifact(Path(model), budget, threads)


def _open_artifact(directory: Path, budget: str | None, threads: int) -> NamedMatter:
    from pam_edge.delivery.artifact.manifest import check_unchanged, read_manifest
    from pam_edge.planning.budget import parse_budget
    from pam_edge.runtimes.registry import load_runtime
    from pam_edge.toolchains import silenced

    manifest = read_manifest(directory)
    untrained = "" if manifest.checkpoint.trained else " (UNTRAINED)"
    name = f"{manifest.checkpoint.variant}{untrained}"
    if manifest.selection is not None:
        return _open_dynamic(directory, manifest, budget, name, threads)
    entries = {entry.name: entry for entry in manifest.entry_points}
    label = parse_budget(budget).label if budget else next(iter(entries))
    if label not in entries:
        raise UsageError(f"--budget: {directory} holds {', '.join(entries)}; got {budget!r}. Convert with that budget.")
    entry = entries[label]
    check_unchanged(directory, entry)
    with silenced():
        loaded = load_runtime(manifest.target).load(directory / entry.file, entry.function, threads=threads)
    description = f"{name}, {entry.budget}, path {entry.path}, {loaded.ran_on}"
    return NamedMatter(_Sized(loaded.height, loaded.width, loaded), description)


def _open_dynamic(directory: Path, manifest: Manifest, budget: str | None, name: str, threads: int) -> NamedMatter:
    """Open a dynamic graph at any budget that it can keep; what it chose is known after it ran."""
    from pam_edge.delivery.artifact.manifest import check_unchanged
    from pam_edge.delivery.parity.expected import selection_of
    from pam_edge.graphs.governor import budget_input
    from pam_edge.planning.budget import parse_budget
    from pam_edge.runtimes.registry import load_runtime
    from pam_edge.toolchains import silenced

    costs, _ = selection_of(manifest)
    entries = {each.name: each for each in manifest.entry_points}
    asked = parse_budget(budget).label if budget else next(iter(entries))
    entry = entries.get(asked, manifest.entry_points[0])
    limit = entry.budget_input if asked in entries else budget_input(parse_budget(budget or ""), costs)
    assert limit is not None, "the manifest of a dynamic graph states every budget"
    check_unchanged(directory, entry)
    with silenced():
        loaded = load_runtime(manifest.target).load_dynamic(directory / entry.file, entry.function, threads=threads)
    taken: list[Taken] = []

    def run(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = loaded(image, trimap, limit)
        taken.append(Taken(found.path, found.cost, costs.unit, entry.cost_provenance))
        return found.alpha

    description = f"{name}, within {limit:.4g} {costs.unit}, {loaded.ran_on}"
    return NamedMatter(_Sized(loaded.height, loaded.width, run), description, taken)


def _open_checkpoint(reference: str, budget: str | None, mode: Mode | None, threads: int) -> NamedMatter:
    from pam_edge.delivery.open_checkpoint import open_checkpoint
    from pam_edge.planning.service import DEFAULT_SIZE

    taken: list[Taken] = []

    def record(path: str, cost: float) -> None:
        taken.append(Taken(path, cost, CostUnit.GMAC, Provenance.COUNTED))

    run, description = open_checkpoint(reference, budget, mode or Mode.DYNAMIC, record, threads=threads)
    return NamedMatter(_Sized(*DEFAULT_SIZE, run), description, taken)
