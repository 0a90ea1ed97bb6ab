"""The second judgement of quantised artifacts: are their mattes as good as the float network's, against true alphas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pam_edge.data_folder import data_folder
from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.manifest import ParityRecord
from pam_edge.delivery.artifact.quantisation import quality_record
from pam_edge.delivery.parity.figures import join_reasons
from pam_edge.errors import UsageError
from pam_edge.evaluation.datasets import LAYOUTS, Case, UnusableCase, find_cases
from pam_edge.evaluation.pictures import Picture
from pam_edge.quantisation.pictures import Scored, judged_pictures
from pam_edge.quantisation.quality import LIMITS, Judge, Quality
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Precision


def with_quality(
    records: Sequence[ParityRecord], artifact: Artifact, full: Supernet, quantised: Supernet, choice: dict[str, Any]
) -> tuple[ParityRecord, ...]:
    """Return parity records that also say how good mattes are; those that are not good enough have not passed.

    Args:
        records: of the artifact's entry points, each in one runtime or several.
        artifact: quantised.
        full: the float network.
        quantised: what the artifact computes, faithfully or not.
        choice: of pictures; see ``verify.choose_pictures``.
    """
    record = artifact.manifest.quantisation
    assert record is not None, "only quantised artifacts are judged so"
    cases = _cases(choice)
    judges = {size: Judge(full, [case.fit(*size) for case in cases]) for size in artifact.manifest.sizes}
    planned = tuple(each.path for each in record.quality)
    entries = {entry.name: entry for entry in artifact.manifest.entry_points}
    found: dict[tuple[tuple[int, int], str], Quality] = {}
    judged = []
    for each in records:
        entry = entries[each.entry_point]
        paths = (entry.path,) if entry.path else planned
        for path in paths:
            if (entry.size, path) not in found:
                found[entry.size, path] = judges[entry.size].judge(quantised, PathSpec.parse(path))
        own = [found[entry.size, path] for path in paths]
        judged.append(_judged(each, own, artifact.manifest.precision))
    return tuple(judged)


def _judged(record: ParityRecord, quality: Sequence[Quality], precision: Precision) -> ParityRecord:
    limits = LIMITS[precision]
    bad = [each for each in quality if not each.within(limits)]
    update: dict[str, Any] = {"quality": tuple(map(quality_record, quality))}
    if bad:
        reasons = [f"not good enough: {each.describe()}, allowed {limits.describe()}" for each in bad]
        update |= {"passed": False, "reason": join_reasons(record.reason, *reasons)}
    return record.model_copy(update=update)


def _cases(choice: dict[str, Any]) -> tuple[Scored, ...]:
    """Return pictures of known alpha: what ships, and a user's or what the data folder has."""
    if choice["kind"] == "folder":
        own = Path(choice["folder"])
        return (*judged_pictures(), *_scored(own.parent if own.name in _IMAGES else own))
    folder = data_folder() if choice["kind"] == "all" else None
    sets = sorted(each.parent for each in folder.glob("val/*/alpha") if each.is_dir()) if folder else []
    return (*judged_pictures(), *(case for each in sets for case in _scored(each)))


_IMAGES = LAYOUTS["folder"].images
"""Folders whose alphas lie beside them."""


def _scored(folder: Path) -> tuple[Scored, ...]:
    try:
        return tuple(scored for case in find_cases(folder) for scored in _loaded(case))
    except UsageError:  # photographs without alphas: they are judged for faithfulness alone
        return ()


def _loaded(case: Case) -> tuple[Scored, ...]:
    try:
        sample = case.load()
    except UnusableCase:
        return ()
    return (Scored(Picture(case.name, sample.image, sample.trimap, "photograph", case.name), sample.alpha),)
