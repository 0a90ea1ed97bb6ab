"""Making one artifact inside a worker process: convert, check the saved files, write golden vectors and report.

All in one process, because importing a toolchain takes longer than most of what is done with it; and all of it here,
because a worker can be stopped at any moment.
"""

from __future__ import annotations

import logging
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from pam_edge.converters.base import ConversionJob, EntryPoint
from pam_edge.converters.registry import load_converter
from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.content import content_bytes, content_hash
from pam_edge.delivery.artifact.ends import ends_of, interface_of
from pam_edge.delivery.artifact.golden import ExpectedMatte, write_golden
from pam_edge.delivery.artifact.manifest import (
    MANIFEST,
    Draft,
    EntryPointRecord,
    GoldenRecord,
    GovernorRecord,
    Manifest,
    PlannedEntryRecord,
    QuantisationRecord,
    SelectionRecord,
)
from pam_edge.delivery.artifact.quantisation import apply, make_quantisation
from pam_edge.delivery.artifact.selection import governor_costs, selection_of, with_table
from pam_edge.delivery.parity.expected import expected_matte
from pam_edge.delivery.parity.good_enough import with_quality
from pam_edge.delivery.parity.verify import check_in_process, describe_failure
from pam_edge.delivery.planned import PlannedRecord
from pam_edge.delivery.report.fill import write_artifact_report
from pam_edge.errors import CheckpointError, ParityError, UnsupportedOpError
from pam_edge.evaluation.budget_table import calibrated_budget_table
from pam_edge.evaluation.masks import as_frames
from pam_edge.evaluation.parity import Reference
from pam_edge.evaluation.pictures import Picture, adversarial_pictures, bundled_pictures, fit
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.checkpoint import Checkpoint, load_checkpoint
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import Mode

_log = logging.getLogger(__name__)


def make_artifact(payload: dict[str, Any]) -> dict[str, Any]:
    """Fill an artifact folder as a draft manifest describes it.

    Args:
        payload: ``draft`` of the manifest; ``checkpoint``, name or file; ``directory``, the folder to fill;
            ``planned``, for each size, see ``PlannedRecord``; ``calibration``, a folder of photographs or None.

    Returns:
        ``{"manifest": ...}``, complete.

    Raises:
        CheckpointError: if the checkpoint is another one than the draft was made for.
        ParityError: if the saved files do not compute what the supernet computes.
    """
    draft, directory = Draft.model_validate(payload["draft"]), Path(payload["directory"])
    checkpoint = _load_same(payload["checkpoint"], draft)
    planned = [PlannedRecord.from_json(each) for each in payload["planned"]]
    full = checkpoint.supernet
    quantisation = _quantise(draft, checkpoint, planned[0], payload["calibration"])
    checkpoint = apply(checkpoint, draft.precision, quantisation) if quantisation else checkpoint
    _log.debug("converting %s", ", ".join(entry.name for entry in draft.entry_points))
    artifact = Artifact(directory, _convert(draft, checkpoint, quantisation, directory))
    with tempfile.TemporaryDirectory() as mattes:
        _log.debug("checking against PyTorch")
        artifact = _check(artifact, checkpoint, Path(mattes), full)
        _log.debug("writing golden vectors and the report")
        artifact = _finish(artifact, checkpoint, Path(mattes), planned, full)
    return {"manifest": artifact.manifest.model_dump(mode="json")}


def _quantise(
    draft: Draft, checkpoint: Checkpoint, planned: PlannedRecord, calibration: str | None
) -> QuantisationRecord | None:
    """Return what is quantised, at the first entry point's size: every planned path has to be good enough there.

    Ranges of a graph that chooses are those of the longest and the shortest path too, which run every layer.
    """
    if not draft.precision.is_quantised:
        return None
    _log.debug("quantising")
    paths = tuple(dict.fromkeys(plan.path for plan in planned.plans))
    folder = Path(calibration) if calibration else None
    blocks = checkpoint.supernet.block_count
    ends = (PathSpec((True,) * blocks), PathSpec((False,) * blocks)) if draft.mode is Mode.DYNAMIC else ()
    return make_quantisation(checkpoint, draft.precision, paths, draft.entry_points[0].size, folder, ends)


def _convert(
    draft: Draft, checkpoint: Checkpoint, quantisation: QuantisationRecord | None, directory: Path
) -> Manifest:
    """Write the model's files; return the manifest as far as it is known then."""
    selection = _with_table(draft.selection, checkpoint) if draft.selection else None
    job = ConversionJob(
        supernet=checkpoint.supernet,
        entry_points=_entry_points(draft),
        mode=draft.mode,
        precision=draft.precision,
        io=draft.io,
        directory=directory,
        selection=selection_of(selection) if selection else None,
    )
    converter = load_converter(draft.target)
    files = converter.convert(job)
    if draft.mode is Mode.DYNAMIC:
        _check_branches(draft.target, directory, files)
    entries = tuple(_with_file(entry, directory, files[entry.function]) for entry in draft.entry_points)
    known = {name: value for name, value in draft if name not in ("selection", "entry_points")}
    return Manifest(
        **known,
        selection=selection,
        quantisation=quantisation,
        entry_points=entries,
        parity=(),
        golden=(),
        tool_versions=converter.versions(),
    )


def _check(artifact: Artifact, checkpoint: Checkpoint, mattes: Path, full: Supernet) -> Artifact:
    """Compare the files with the supernet; return the artifact with parity.

    What is quantised was judged at the first size; mattes have to be good enough at each.
    """
    choice = {"kind": "convert"}
    parity = check_in_process(artifact, checkpoint, choice, mattes=mattes, threads=1)
    if artifact.manifest.quantisation and len(artifact.manifest.sizes) > 1:
        parity = with_quality(parity, artifact, full, checkpoint.supernet, choice)
    failed = [record for record in parity if record.passed is False]
    if failed:
        raise ParityError(describe_failure(artifact.manifest.target, failed))
    return _with(artifact, parity=parity)


def _finish(
    artifact: Artifact, checkpoint: Checkpoint, mattes: Path, planned: list[PlannedRecord], full: Supernet
) -> Artifact:
    """Add golden vectors, report and manifest to the folder."""
    folder, manifest = artifact.directory, artifact.manifest
    references: dict[tuple[int, int], Reference] = {}
    golden: list[GoldenRecord] = []
    for size in manifest.sizes:
        entries = artifact.entries_of(size)
        shown = (*(fit(picture, *size) for picture in bundled_pictures()), adversarial_pictures(*size)[0])
        *pictures, flat = as_frames(shown, ends_of(entries[0].ends), checkpoint.supernet)
        references[size] = Reference(checkpoint.supernet, pictures)
        expected = partial(_expected, artifact, references[size])
        golden += write_golden(folder, (pictures[0], flat), entries, expected, sized=len(manifest.sizes) > 1)
    complete = _with(artifact, golden=tuple(golden))
    write_artifact_report(folder / "report.html", complete, planned, references, mattes, full)
    (folder / MANIFEST).write_text(complete.manifest.model_dump_json(indent=2) + "\n")
    return complete


def _expected(artifact: Artifact, reference: Reference, entry: EntryPointRecord, picture: Picture) -> ExpectedMatte:
    return expected_matte(artifact, entry, reference, picture)


def _with(artifact: Artifact, **fields: object) -> Artifact:
    return Artifact(artifact.directory, artifact.manifest.model_copy(update=fields))


def _load_same(reference: str, draft: Draft) -> Checkpoint:
    """Load the checkpoint that was planned with: its file may have been replaced in the meantime."""
    checkpoint = load_checkpoint(reference)
    if checkpoint.sha256 != draft.checkpoint.sha256:
        raise CheckpointError(
            f"{reference} was changed while it was converted: expected SHA-256 {draft.checkpoint.sha256[:12]}…, found "
            f"{checkpoint.sha256[:12]}…. Convert again when it is written."
        )
    return checkpoint


def _check_branches(target: Target, directory: Path, files: dict[str, str]) -> None:
    """Check in the saved file that the delegate takes every branch whole: the runtime would say nothing, but crawl."""
    runtime = load_runtime(target)
    for function, file in files.items():
        branches = runtime.inspect(directory / file, function).branches
        broken = [index for index, branch in enumerate(branches) if not branch.is_whole]
        if broken:
            raise UnsupportedOpError(
                f"{target}: expected the delegate to take every branch whole; it does not take "
                f"{len(broken)} of {len(branches)}, the first of block {broken[0] // 2}, for "
                f"{branches[broken[0]].outside or 'it is split'}. Report it."
            )


def _entry_points(draft: Draft) -> tuple[EntryPoint, ...]:
    """Return the functions to convert: one per entry point, or one for all budgets of a dynamic graph."""
    functions = {entry.function: entry for entry in draft.entry_points}
    return tuple(
        EntryPoint(name, PathSpec.parse(entry.path) if entry.path else None, interface_of(entry))
        for name, entry in functions.items()
    )


def _with_table(record: GovernorRecord, checkpoint: Checkpoint) -> SelectionRecord:
    """Fit the table from budget to embedding row that a dynamic graph carries."""
    return with_table(record, calibrated_budget_table(checkpoint, governor_costs(record)))


def _with_file(entry: PlannedEntryRecord, directory: Path, name: str) -> EntryPointRecord:
    file = directory / name
    return EntryPointRecord(**dict(entry), file=name, sha256=content_hash(file), bytes=content_bytes(file))
