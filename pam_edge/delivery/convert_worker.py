"""Making one artifact inside a worker process: convert, then check the saved files.

Both in one process, because importing a toolchain takes longer than most of what is done with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pam_edge.converters.base import ConversionJob, EntryPoint
from pam_edge.converters.registry import load_converter
from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.content import content_bytes, content_hash
from pam_edge.delivery.artifact.manifest import (
    Draft,
    EntryPointRecord,
    GovernorRecord,
    Manifest,
    PlannedEntryRecord,
    SelectionRecord,
)
from pam_edge.delivery.artifact.selection import governor_costs, selection_of, with_table
from pam_edge.delivery.parity.verify import check_in_process
from pam_edge.errors import CheckpointError, UnsupportedOpError
from pam_edge.evaluation.budget_table import calibrated_budget_table
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.checkpoint import Checkpoint, load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import Mode


def convert_and_check(payload: dict[str, Any]) -> dict[str, Any]:
    """Convert what a draft manifest describes and check the files against the supernet.

    Args:
        payload: ``draft`` of the manifest; ``checkpoint``, name or file; ``directory`` for the files;
            ``mattes``, a folder for the artifact's alphas, or None.

    Returns:
        ``{"manifest": ...}`` with files, hashes, versions and parity.

    Raises:
        CheckpointError: if the checkpoint is another one than the draft was made for.
    """
    draft, directory = Draft.model_validate(payload["draft"]), Path(payload["directory"])
    checkpoint = _load_same(payload["checkpoint"], draft)
    selection = _with_table(draft.selection, checkpoint) if draft.selection else None
    job = ConversionJob(
        supernet=checkpoint.supernet,
        entry_points=_entry_points(draft),
        mode=draft.mode,
        precision=draft.precision,
        height=draft.height,
        width=draft.width,
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
    manifest = Manifest(
        **known,
        selection=selection,
        entry_points=entries,
        parity=(),
        golden=(),
        tool_versions=converter.versions(),
    )
    mattes = Path(payload["mattes"]) if payload["mattes"] else None
    artifact = Artifact(directory, manifest)
    parity = check_in_process(artifact, checkpoint, {"kind": "convert"}, mattes=mattes, threads=1)
    return {"manifest": manifest.model_copy(update={"parity": parity}).model_dump(mode="json")}


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
    paths = {entry.function: PathSpec.parse(entry.path) if entry.path else None for entry in draft.entry_points}
    return tuple(EntryPoint(name, path) for name, path in paths.items())


def _with_table(record: GovernorRecord, checkpoint: Checkpoint) -> SelectionRecord:
    """Fit the table from budget to embedding row that a dynamic graph carries."""
    return with_table(record, calibrated_budget_table(checkpoint, governor_costs(record)))


def _with_file(entry: PlannedEntryRecord, directory: Path, name: str) -> EntryPointRecord:
    file = directory / name
    return EntryPointRecord(**dict(entry), file=name, sha256=content_hash(file), bytes=content_bytes(file))
