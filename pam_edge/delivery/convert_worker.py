"""Making one artifact inside a worker process: convert, check the saved files, write golden vectors and report.

All in one process, because importing a toolchain takes longer than most of what is done with it; and all of it here,
because a worker can be stopped at any moment.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

from pam_edge.converters.base import ConversionJob, EntryPoint, Selection
from pam_edge.converters.registry import load_converter
from pam_edge.delivery.artifact.golden import write_golden
from pam_edge.delivery.artifact.manifest import MANIFEST, EntryPointRecord, Manifest, content_bytes, content_hash
from pam_edge.delivery.parity.expected import ExpectedMatte, expected_matte, governor_costs, selection_of
from pam_edge.delivery.parity.verify import check_in_process, describe_failure
from pam_edge.delivery.planned import Planned
from pam_edge.delivery.report.fill import write_artifact_report
from pam_edge.errors import ParityError, UnsupportedOpError
from pam_edge.evaluation.budget_table import calibrated_budget_table
from pam_edge.evaluation.parity import Reference
from pam_edge.evaluation.pictures import Picture, adversarial_pictures, bundled_pictures, fit
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.checkpoint import Checkpoint, load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import Mode

_log = logging.getLogger(__name__)


def make_artifact(payload: dict[str, Any]) -> dict[str, Any]:
    """Fill an artifact folder as a draft manifest describes it.

    Args:
        payload: ``manifest``, without files and parity; ``checkpoint``, name or file; ``directory``, the folder to
            fill; ``planned``, see ``Planned``.

    Returns:
        ``{"manifest": ...}``, complete.

    Raises:
        ParityError: if the saved files do not compute what the supernet computes.
    """
    draft, directory = Manifest.model_validate(payload["manifest"]), Path(payload["directory"])
    checkpoint = load_checkpoint(payload["checkpoint"])
    _log.debug("converting %s", ", ".join(entry.name for entry in draft.entry_points))
    manifest = _convert(draft, checkpoint, directory)
    with tempfile.TemporaryDirectory() as mattes:
        _log.debug("checking against PyTorch")
        manifest = _check(manifest, checkpoint, directory, Path(mattes))
        _log.debug("writing golden vectors and the report")
        manifest = _finish(manifest, checkpoint, directory, Path(mattes), Planned.from_json(payload["planned"]))
    return {"manifest": manifest.model_dump(mode="json")}


def _convert(draft: Manifest, checkpoint: Checkpoint, directory: Path) -> Manifest:
    """Write the model's files; return the manifest with their names, hashes and versions."""
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
    return draft.model_copy(update={"entry_points": entries, "tool_versions": converter.versions()})


def _check(manifest: Manifest, checkpoint: Checkpoint, directory: Path, mattes: Path) -> Manifest:
    """Compare the files with the supernet; return the manifest with parity."""
    parity = check_in_process(directory, manifest, checkpoint, {"kind": "convert"}, mattes=mattes, threads=1)
    failed = [record for record in parity if record.passed is False]
    if failed:
        raise ParityError(describe_failure(manifest.target, failed))
    return manifest.model_copy(update={"parity": parity})


def _finish(manifest: Manifest, checkpoint: Checkpoint, folder: Path, mattes: Path, planned: Planned) -> Manifest:
    """Add golden vectors, report and manifest to the folder."""
    size = manifest.height, manifest.width
    pictures = tuple(fit(picture, *size) for picture in bundled_pictures())
    reference = Reference(checkpoint.supernet, pictures)
    entries = {entry.name: entry for entry in manifest.entry_points}

    def expected(name: str, picture: Picture) -> ExpectedMatte:
        return expected_matte(manifest, entries[name], reference, picture)

    golden = write_golden(folder, (pictures[0], adversarial_pictures(*size)[0]), tuple(entries), expected)
    manifest = manifest.model_copy(update={"golden": golden})
    write_artifact_report(
        folder / "report.html", manifest, planned.plans, planned.costs, planned.macs, reference, mattes
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest


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
