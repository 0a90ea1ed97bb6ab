"""What an entry point should compute, according to the supernet in PyTorch."""

from __future__ import annotations

from dataclasses import replace

from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.golden import ExpectedMatte
from pam_edge.delivery.artifact.manifest import EntryPointRecord
from pam_edge.evaluation.dynamic_parity import govern
from pam_edge.evaluation.parity import Reference, expected_foreground, finish_alpha
from pam_edge.evaluation.pictures import Picture
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Result


def expected_matte(
    artifact: Artifact,
    entry: EntryPointRecord,
    reference: Reference,
    picture: Picture,
    budget: float | None = None,
) -> ExpectedMatte:
    """Return what an entry point should give for a picture.

    Args:
        artifact: that has the entry point.
        entry: the entry point.
        reference: supernet and pictures.
        picture: at the entry point's size.
        budget: of a graph that chooses; None takes the entry point's own.
    """
    selection = artifact.selection
    if selection is None:
        path = PathSpec.parse(entry.path or "")
        return _with_colours(entry, picture, ExpectedMatte(reference.alpha(path, picture), path, ()))
    limit = entry.budget_input if budget is None else budget
    assert limit is not None, "a manifest that was read states every budget"
    governed = govern(reference.supernet, selection.costs, selection.table, picture, limit)
    matte = ExpectedMatte(finish_alpha(picture, governed.alpha), governed.path, governed.free_margins)
    return _with_colours(entry, picture, matte)


def _with_colours(entry: EntryPointRecord, picture: Picture, matte: ExpectedMatte) -> ExpectedMatte:
    if entry.ends.result is Result.ALPHA:
        return matte
    return replace(matte, foreground=expected_foreground(picture, matte.alpha))
