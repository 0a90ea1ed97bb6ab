"""Verify an artifact folder: run every entry point in its runtime and compare it with the supernet.

Runs in a worker process, because a damaged file can crash a native runtime.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.ends import ends_of
from pam_edge.delivery.artifact.manifest import CheckpointRecord, ParityRecord
from pam_edge.delivery.artifact.quantisation import quantised
from pam_edge.delivery.parity.entry_check import EntryCheck, Mattes, compare_runtimes
from pam_edge.delivery.parity.good_enough import with_quality
from pam_edge.errors import ArtifactError, ParityError, WorkerError
from pam_edge.evaluation.masks import as_frames
from pam_edge.evaluation.parity import LIMITS, Reference
from pam_edge.evaluation.pictures import (
    Picture,
    adversarial_pictures,
    bundled_pictures,
    data_pictures,
    fit,
    folder_pictures,
)
from pam_edge.files import as_path
from pam_edge.runtimes.registry import load_runtime, runtime_names
from pam_edge.supernet.checkpoint import Checkpoint, load_checkpoint
from pam_edge.workers import run_in_worker

DATA_PICTURES_IN_CONVERT = 2


def verify(
    directory: Path | str,
    *,
    images: Path | str | None = None,
    checkpoint: str | None = None,
    runtime: str | None = None,
    threads: int = 1,
) -> tuple[ParityRecord, ...]:
    """Check every entry point of an artifact folder.

    Args:
        directory: an artifact folder.
        images: folder of pictures to judge on; None takes the bundled photographs, the adversarial pictures and
            the photographs of the folder that ``PAM_EDGE_DATA`` names, if it is set; of those only a few, as
            ``convert`` does, where the target's runtime is slow here.
        checkpoint: name or file; None takes the one that the manifest names.
        runtime: name of the runtime to check in; None takes all that this machine can have, which for Core ML is
            Core ML itself and the reference runtime on macOS, and the reference runtime elsewhere.
        threads: for the runtime and PyTorch.

    Raises:
        ArtifactError: if the folder, a file or the checkpoint is missing or damaged.
        UsageError: if ``images`` or ``threads`` cannot be used, or the target has no such runtime here.
        ParityError: if a file crashes its runtime.
    """
    target = Artifact.read(directory).manifest.target
    folder = as_path("images", images) if images else None
    if runtime is not None and runtime not in runtime_names(target):
        load_runtime(target, runtime)
    usual = {"kind": "all" if target.facts.is_quick_here else "convert"}
    payload = {
        "directory": str(directory),
        "checkpoint": checkpoint,
        "pictures": {"kind": "folder", "folder": str(folder)} if folder else usual,
        "runtime": runtime,
        "threads": threads,
    }
    try:
        result = run_in_worker("pam_edge.delivery.parity.verify:verify_in_worker", payload, threads=threads)
    except WorkerError as error:
        raise ParityError(
            f"Expected files in {directory} that run; running them crashed, as with damaged ones: {error}"
        ) from error
    return tuple(ParityRecord.model_validate(record) for record in result["parity"])


def assert_parity(directory: Path | str, *, images: Path | str | None = None) -> None:
    """Fail unless every entry point of an artifact folder computes what the supernet computes: for users' own tests.

    Raises:
        ParityError: if one does not, or could not be run here.
        ArtifactError: as ``verify``.
    """
    records = verify(directory, images=images)
    failed = [record for record in records if record.passed is not True]
    if failed:
        raise ParityError(describe_failure(str(directory), failed))


def describe_failure(name: str, failed: Sequence[ParityRecord]) -> str:
    """Return one paragraph on entry points that failed parity."""
    parts = []
    for record in failed:
        if not record.images:
            where = describe_divergence(record)
            parts.append(f"{record.entry_point} could not be run: {record.reason}" + (f" ({where})" if where else ""))
            continue
        where = describe_divergence(record) or "no block found to differ"
        mixed = "; " + describe_path_errors(record) if record.path_mismatches or record.costs_over_budget else ""
        parts.append(
            f"{record.entry_point}: {_describe_errors(record)} (worst picture {record.worst_picture}, {where}{mixed}"
            + (f"; {record.reason})" if record.reason else ")")
        )
    return f"{name}: the artifact does not compute what the supernet computes. " + ". ".join(parts)


def _describe_errors(record: ParityRecord) -> str:
    if record.max_abs_error is None:
        return "no error can be told"
    return f"max |Δα| {record.max_abs_error:.2g}, RMS in the unknown region {record.rms_error_unknown:.2g}"


def describe_path_errors(record: ParityRecord) -> str:
    """Return what is wrong with the paths that an entry point took."""
    parts = []
    if record.path_mismatches:
        parts.append(f"takes another path than the supernet ({record.path_mismatches} times)")
    if record.costs_over_budget:
        parts.append(f"predicts a cost over its budget or not of its path ({record.costs_over_budget} times)")
    return ", ".join(parts)


def describe_divergence(record: ParityRecord) -> str | None:
    """Return where an entry point starts to differ and why, or None if nowhere."""
    if record.divergence is None:
        return None
    block = f"first diverging block {record.first_diverging_block}" if record.first_diverging_block else "no block told"
    operation = f", operation {record.first_diverging_operation}" if record.first_diverging_operation else ""
    return f"{block}{operation}: {record.divergence}"


def verify_in_worker(payload: dict[str, Any]) -> dict[str, Any]:
    """Check the folder that ``payload`` names (see ``verify``); return ``{"parity": [...]}``."""
    import torch

    torch.set_num_threads(payload["threads"])
    artifact = Artifact.read(Path(payload["directory"]))
    full, checkpoint = load_reference(artifact, payload["checkpoint"])
    parity = check_in_process(
        artifact, checkpoint, payload["pictures"], runtime=payload["runtime"], threads=payload["threads"]
    )
    if artifact.manifest.quantisation:
        parity = with_quality(parity, artifact, full.supernet, checkpoint.supernet, payload["pictures"])
    return {"parity": [record.model_dump() for record in parity]}


def load_reference(artifact: Artifact, reference: str | None) -> tuple[Checkpoint, Checkpoint]:
    """Return the checkpoint that an artifact was made from, and what the artifact computes, which may be quantised.

    Args:
        artifact: whose manifest says which.
        reference: name or file; None takes the manifest's.

    Raises:
        ArtifactError: if it is another one, or the manifest is damaged.
        CheckpointError: if there is none.
    """
    checkpoint = load_checkpoint(reference or artifact.manifest.checkpoint.reference)
    _check_same_weights(checkpoint, artifact.manifest.checkpoint)
    _check_same_network(checkpoint, artifact)
    return checkpoint, quantised(checkpoint, artifact.manifest)


def check_in_process(
    artifact: Artifact,
    checkpoint: Checkpoint,
    pictures: dict[str, Any],
    *,
    runtime: str | None = None,
    mattes: Path | None = None,
    threads: int,
) -> tuple[ParityRecord, ...]:
    """Check the entry points of an artifact.

    Args:
        artifact: whose files are there; its parity is not looked at.
        checkpoint: that it was made from.
        pictures: see ``choose_pictures``.
        runtime: name of the one to check in; None takes all that this machine can have.
        mattes: folder that receives what the first runtime gave: ``ENTRY.PICTURE.npy``, alpha, and of cut-outs
            ``ENTRY.PICTURE.foreground.npy``.
        threads: for the runtime.
    """
    manifest = artifact.manifest
    references = {}
    for entry in manifest.entry_points:
        if entry.size not in references:
            frames = as_frames(choose_pictures(pictures, *entry.size), ends_of(entry.ends), checkpoint.supernet)
            references[entry.size] = Reference(checkpoint.supernet, frames)
    runtimes = [runtime] if runtime else runtime_names(manifest.target)
    records = []
    for entry in manifest.entry_points:
        check = EntryCheck(artifact, entry, references[entry.size], threads)
        checked = [check.in_runtime(name) for name in runtimes]
        if mattes:
            _save_mattes(mattes, entry.name, checked[0][1])
        largest = LIMITS[manifest.precision].max_abs
        records += compare_runtimes([record for record, _ in checked], [found for _, found in checked], largest)
    return tuple(records)


def choose_pictures(choice: dict[str, Any], height: int, width: int) -> tuple[Picture, ...]:
    """Return the pictures to judge on, at the model's size.

    ``choice`` is ``{"kind": "folder", "folder": F}``, ``{"kind": "all"}``, or ``{"kind": "convert"}``, which takes
    only a few photographs of the data folder, so that a conversion stays quick.
    """
    if choice["kind"] == "folder":
        return tuple(fit(picture, height, width) for picture in folder_pictures(Path(choice["folder"])))
    data = data_pictures(None)
    if choice["kind"] == "convert":
        data = data[:: max(1, len(data) // DATA_PICTURES_IN_CONVERT)][:DATA_PICTURES_IN_CONVERT]
    photographs = tuple(fit(picture, height, width) for picture in (*bundled_pictures(), *data))
    return photographs + adversarial_pictures(height, width)


def _check_same_weights(checkpoint: Checkpoint, expected: CheckpointRecord) -> None:
    if checkpoint.sha256 != expected.sha256:
        raise ArtifactError(
            f"The artifact was made from a checkpoint with SHA-256 {expected.sha256[:12]}…; {checkpoint.reference} has "
            f"{checkpoint.sha256[:12]}…. Verify against the right checkpoint, or convert again."
        )


def _check_same_network(checkpoint: Checkpoint, artifact: Artifact) -> None:
    config, selection = checkpoint.config, artifact.manifest.selection
    rows = len(selection.thresholds) if selection else config.budget_indices
    if (artifact.manifest.block_count, rows) != (config.block_count, config.budget_indices):
        raise ArtifactError(
            f"The manifest of {artifact.directory} is damaged: expected {config.block_count} blocks and "
            f"{config.budget_indices} rows of budgets, as {checkpoint.reference} has; found "
            f"{artifact.manifest.block_count} and {rows}. Convert again."
        )


def _save_mattes(folder: Path, entry: str, mattes: Mattes) -> None:
    for picture, found in mattes.items():
        np.save(folder / f"{entry}.{picture}.npy", found.alpha)
        if found.foreground is not None:
            np.save(folder / f"{entry}.{picture}.foreground.npy", found.foreground)
