"""What can matte: an artifact's entry point in its runtime, or a checkpoint in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import UsageError
from pam_edge.matting.tiling import choose_size
from pam_edge.matting.trimaps import mask_from_trimap
from pam_edge.terms import CostUnit, Mode, Provenance

if TYPE_CHECKING:
    from pam_edge.delivery.artifact.artifact import Artifact
    from pam_edge.delivery.artifact.manifest import EndsRecord, EntryPointRecord
    from pam_edge.matting.tiling import Matter


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


def open_model(
    model: str,
    budget: str | None,
    *,
    threads: int,
    mode: Mode | None = None,
    picture: tuple[int, int] | None = None,
) -> NamedMatter:
    """Open an artifact folder, or a checkpoint by name or file, at a budget.

    Args:
        model: artifact folder, variant name or checkpoint file.
        budget: for an artifact one of its entry points' budgets (None: the first), for a dynamic one any in its unit
            or percent (None: the first of its own); for a checkpoint any that can be counted in MACs (None: mild).
        threads: of the runtime.
        mode: of a checkpoint, dynamic or static; None: dynamic. An artifact's is its own.
        picture: height and width of what will be matted, to choose among an artifact's sizes; None: its first size.

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
    return _open_artifact(Path(model), budget, threads, picture)


def _open_artifact(directory: Path, budget: str | None, threads: int, picture: tuple[int, int] | None) -> NamedMatter:
    from pam_edge.delivery.artifact.artifact import Artifact

    artifact = Artifact.read(directory)
    sizes = artifact.manifest.sizes
    size = choose_size(sizes, *picture) if picture else sizes[0]
    entry, limit, asked = _choose(artifact, budget, size)
    artifact.check_unchanged(entry)
    model = artifact.open(entry, threads=threads)
    taken: list[Taken] = []
    give = _source_maker(entry.ends)

    def run(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = model(image, give(trimap), limit)
        taken.append(Taken(found.path, found.cost, entry.cost_unit, entry.cost_provenance))
        return found.alpha

    untrained = "" if artifact.manifest.checkpoint.trained else " (UNTRAINED)"
    description = f"{artifact.manifest.checkpoint.variant}{untrained}, {asked}, {model.ran_on}"
    return NamedMatter(_Sized(model.height, model.width, run), description, taken)


def _source_maker(ends: EndsRecord) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Return what makes of a tile's trimap what a graph is given: itself, or the mask whose band it is."""
    if not ends.source.is_mask:
        return lambda trimap: trimap
    return lambda trimap: mask_from_trimap(trimap, ends.band_px, ends.mask_height, ends.mask_width)


def _choose(
    artifact: Artifact, budget: str | None, size: tuple[int, int]
) -> tuple[EntryPointRecord, float | None, str]:
    """Return the entry point for a budget and a size, what its graph is given as one, and both in words.

    A graph that chooses keeps any budget in its unit or in percent; names are those that it was converted with.
    """
    from pam_edge.graphs.governor import budget_input
    from pam_edge.planning.budget import parse_budget

    first, *_ = artifact.entries_of(size)
    asked, selection = parse_budget(budget) if budget is not None else None, artifact.selection
    if selection is None:
        entry = artifact.entry(asked.label, size) if asked else first
        return entry, None, f"{entry.budget}, path {entry.path}"
    entries = {each.name: each for each in artifact.manifest.entry_points}
    entry = entries.get(asked.label, first) if asked else first
    known = asked is None or asked.label in entries
    limit = entry.budget_input if known or asked is None else budget_input(asked, selection.costs)
    assert limit is not None, "a manifest that was read states every budget"
    return entry, limit, f"{entry.budget if known else asked}, {limit:.4g} {selection.costs.unit}"


def _open_checkpoint(reference: str, budget: str | None, mode: Mode | None, threads: int) -> NamedMatter:
    from pam_edge.delivery.open_checkpoint import open_checkpoint
    from pam_edge.planning.service import DEFAULT_SIZE

    taken: list[Taken] = []

    def record(path: str, cost: float) -> None:
        taken.append(Taken(path, cost, CostUnit.GMAC, Provenance.COUNTED))

    run, description = open_checkpoint(reference, budget, mode or Mode.DYNAMIC, record, threads=threads)
    return NamedMatter(_Sized(*DEFAULT_SIZE, run), description, taken)
