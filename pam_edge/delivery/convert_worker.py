"""Making one artifact inside a worker process: convert, then check the saved files.

Both in one process, because importing a toolchain takes longer than most of what is done with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pam_edge.converters.base import ConversionJob, EntryPoint, Selection
from pam_edge.converters.registry import load_converter
from pam_edge.delivery.artifact.manifest import EntryPointRecord, Manifest, content_bytes, content_hash
from pam_edge.delivery.parity.expected import governor_costs, selection_of
from pam_edge.delivery.parity.verify import check_in_process
from pam_edge.errors import UnsupportedOpError
from pam_edge.evaluation.budget_table import calibrated_budget_table
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.checkpoint import Checkpoint, load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import Mode


def convert_and_check(payload: dict[str, Any]) -> dict[str, Any]:
    """Convert what a draft manifest describes and check the files against the supernet.

    Args:
        payload: ``manifest``, without files and parity; ``checkpoint``, name or file; ``directory`` for the files;
            ``mattes``, a folder for the artifact's alphas, or None.

    Returns:
        ``{"manifest": ...}`` with files, hashes, versions and parity.
    """
    draft, directory = Manifest.model_validate(payload["manifest"]), Path(payload["directory"])
    checkpoint = load_checkpoint(payload["checkpoint"])
    selection = None
    if draft.mode is Mode.DYNAMIC:
        draft = _with_table(draft, checkpoint)
        selection = Selection(*selection_of(draft))
    job = ConversionJob(
        supernet=checkpoint.supernet,
        entry_points=_entry_points(draft),
        mode=draft.mode,
        precision=draft.precision,
        height=draft.height,
        width=draft.width,
        io=draft.io,
        directory=directory,
        selection=selection,
    )
    converter = load_converter(draft.target)
    files = converter.convert(job)
    if draft.mode is Mode.DYNAMIC:
        _check_branches(draft.target, directory, files)
    entries = tuple(_with_file(entry, directory, files[entry.function]) for entry in draft.entry_points)
    manifest = draft.model_copy(update={"entry_points": entries, "tool_versions": converter.versions()})
    mattes = Path(payload["mattes"]) if payload["mattes"] else None
    parity = check_in_process(directory, manifest, checkpoint, {"kind": "convert"}, mattes=mattes, threads=1)
    return {"manifest": manifest.model_copy(update={"parity": parity}).model_dump(mode="json")}


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


def _entry_points(draft: Manifest) -> tuple[EntryPoint, ...]:
    """Return the functions to convert: one per entry point, or one for all budgets of a dynamic graph."""
    paths = {entry.function: PathSpec.parse(entry.path) if entry.path else None for entry in draft.entry_points}
    return tuple(EntryPoint(name, path) for name, path in paths.items())


def _with_table(draft: Manifest, checkpoint: Checkpoint) -> Manifest:
    """Fit the table from budget to embedding row that a dynamic graph carries."""
    assert draft.selection is not None, "a dynamic graph's draft states its costs"
    table = calibrated_budget_table(checkpoint, governor_costs(draft.selection))
    return draft.model_copy(update={"selection": draft.selection.model_copy(update={"thresholds": table.thresholds})})


def _with_file(entry: EntryPointRecord, directory: Path, name: str) -> EntryPointRecord:
    file = directory / name
    return entry.model_copy(update={"file": name, "sha256": content_hash(file), "bytes": content_bytes(file)})
