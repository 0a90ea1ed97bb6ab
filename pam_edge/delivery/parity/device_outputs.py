"""Compare what a device computed from the golden inputs with what it should be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.golden import GOLDEN, GoldenVector, read_path, read_values
from pam_edge.delivery.artifact.manifest import EntryPointRecord, ParityRecord
from pam_edge.delivery.parity.figures import Judged, figures, join_reasons
from pam_edge.errors import UsageError
from pam_edge.evaluation.dynamic_parity import is_tie
from pam_edge.evaluation.parity import LIMITS, Colours, Deviation, ParityLimits, colour_deviation, deviation


def verify_device_outputs(directory: Path, outputs: Path) -> tuple[ParityRecord, ...]:
    """Judge a device's alphas and paths by the same limits as ``verify``.

    Args:
        directory: artifact folder with ``golden/``.
        outputs: folder with files named as those in ``golden/``: ``ENTRY.PICTURE.alpha.f32``, raw little-endian
            float32, height x width; of a cut-out also ``ENTRY.PICTURE.foreground.f32``, height x width x 3; and of a
            dynamic graph, run within the entry point's ``budget_input``, also ``ENTRY.PICTURE.path.f32``. An entry
            point that lacks some is reported as not run.

    Raises:
        UsageError: if the folder holds none of the files, or a file has another size.
        ArtifactError: if the artifact folder or its golden vectors are missing or damaged.
    """
    artifact = Artifact.read(directory)
    vectors = {entry.name: artifact.golden(entry) for entry in artifact.manifest.entry_points}
    records = tuple(_check(artifact, outputs, entry, vectors[entry.name]) for entry in artifact.manifest.entry_points)
    names = (name for every in vectors.values() for vector in every for name in _names(vector))
    if not any((outputs / name).exists() for name in names):
        entry = artifact.manifest.entry_points[0]
        such_as = " and ".join(_names(vectors[entry.name][0]))
        within = f" within the budget {entry.budget_input:.9g}" if entry.budget_input is not None else ""
        raise UsageError(
            f"{outputs} holds none of the expected files, such as {such_as}. Run the inputs in {directory / GOLDEN} on "
            f"the device{within} and save what it computes under those names."
        )
    return records


@dataclass(frozen=True, slots=True)
class _Found:
    """What a device gave for one picture.

    Attributes:
        deviation: of alpha; None where an undecided gate led to another path, whose alpha is not known here.
        colours: of alpha * foreground; None of graphs that give alpha alone.
        same_path: whether it took the path that it should.
        is_tie: whether an undecided gate explains another one.
        keeps_budget: whether the path's cost is within the budget.
    """

    deviation: Deviation | None
    colours: Deviation | None = None
    same_path: bool = True
    is_tie: bool = False
    keeps_budget: bool = True

    def is_near(self, limits: ParityLimits) -> bool:
        """Whether all that was compared is within the limits."""
        return all(each.within(limits) for each in (self.deviation, self.colours) if each is not None)

    @property
    def right_path(self) -> bool:
        """Whether nothing is wrong with the path."""
        return (self.same_path or self.is_tie) and self.keeps_budget


def _names(vector: GoldenVector) -> list[str]:
    """Return the files that a device saves for a golden vector."""
    return [name for name in (vector.alpha_file, vector.path_file, vector.foreground_file) if name]


def _check(
    artifact: Artifact, outputs: Path, entry: EntryPointRecord, vectors: tuple[GoldenVector, ...]
) -> ParityRecord:
    missing = sorted(name for vector in vectors for name in _names(vector) if not (outputs / name).is_file())
    complete = [vector for vector in vectors if not set(_names(vector)) & set(missing)]
    found = {vector.picture: _compare(artifact, outputs, entry, vector) for vector in complete}
    limits = LIMITS[artifact.manifest.precision]
    judged = [
        Judged(picture, entry.budget_input, each.deviation, each.is_near(limits) and each.right_path, each.colours)
        for picture, each in found.items()
        if each.deviation is not None
    ]
    failed = not (all(each.passed for each in judged) and all(each.right_path for each in found.values()))
    fields = figures(judged)
    nothing = "an undecided gate led to another path on every picture: no alpha was compared" if not judged else None
    lacks = f"missing: {', '.join(missing)}" if missing else None
    return ParityRecord(
        **fields
        | {
            "entry_point": entry.name,
            "runtime": "device",
            "passed": False if failed else None if missing or not judged else True,
            "ran_on": f"the device whose outputs are in {outputs}",
            "proves": "what the device computed, on the golden vectors",
            "images": len(found),
            "path_mismatches": sum(not (each.same_path or each.is_tie) for each in found.values()),
            "path_ties": sum(each.is_tie for each in found.values()),
            "costs_over_budget": sum(not each.keeps_budget for each in found.values()),
            "reason": join_reasons(lacks, fields.get("reason"), nothing if found else None),
        }
    )


def _compare(artifact: Artifact, outputs: Path, entry: EntryPointRecord, vector: GoldenVector) -> _Found:
    size, expected = entry.size, vector.expected
    alpha = read_values(outputs / vector.alpha_file, *size)
    off = deviation(alpha, expected.alpha, vector.trimap)
    foreground = read_values(outputs / vector.foreground_file, *size, 3) if vector.foreground_file else None
    colours = colour_deviation(Colours(alpha, foreground), expected, vector.trimap)
    selection = artifact.selection
    if selection is None or vector.path_file is None:
        return _Found(off, colours)
    taken = read_path(outputs / vector.path_file, len(expected.path))
    if taken is None:  # some of it is neither 0 nor 1, so that no cost can be told
        return _Found(off, colours, same_path=False)
    assert entry.budget_input is not None, "a manifest that was read states every budget"
    margin = LIMITS[artifact.manifest.precision].gate_margin
    tie = is_tie(taken, expected.path, expected.margins, margin)
    return _Found(
        deviation=None if tie else off,
        colours=None if tie else colours,
        same_path=taken == expected.path,
        is_tie=tie,
        keeps_budget=selection.costs.cost(taken) <= max(entry.budget_input, selection.costs.shortest),
    )
