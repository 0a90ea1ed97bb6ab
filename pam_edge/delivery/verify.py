"""Verify an artifact folder: run every entry point in its runtime and compare it with the supernet.

Runs in a worker process, because a damaged file can crash a native runtime.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pam_edge.delivery.manifest import (
    CheckpointRecord,
    EntryPointRecord,
    Manifest,
    ParityRecord,
    content_hash,
    read_manifest,
)
from pam_edge.errors import ArtifactError, MissingExtraError, PamEdgeError, ParityError
from pam_edge.evaluation.parity import LIMITS, EntryParity, Reference, check_entry_point
from pam_edge.evaluation.pictures import (
    Picture,
    adversarial_pictures,
    bundled_pictures,
    data_pictures,
    fit,
    folder_pictures,
)
from pam_edge.runtimes.base import BlockOutput, LoadedModel
from pam_edge.runtimes.registry import load_runtime
from pam_edge.supernet.checkpoint import Checkpoint, load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.workers import run_in_worker

PROVES = {
    Target.TFLITE: "the saved file, in the runtime that apps use",
    Target.EXECUTORCH: "the saved file, in the runtime that apps use",
    Target.COREML: "semantics, weights and rounding of the saved package; not the Neural Engine's own arithmetic",
}
"""What a pass says, per target, on a machine that is not the phone."""

DATA_PICTURES_IN_CONVERT = 2


def verify(
    directory: Path,
    *,
    images: Path | None = None,
    checkpoint: str | None = None,
    threads: int = 1,
) -> tuple[ParityRecord, ...]:
    """Check every entry point of an artifact folder.

    Args:
        directory: an artifact folder.
        images: folder of pictures to judge on; None takes the bundled photographs, the adversarial pictures and
            the photographs of the data folder, where there is one.
        checkpoint: name or file; None takes the one that the manifest names.
        threads: for the runtime and PyTorch.

    Raises:
        ArtifactError: if the folder, a file or the checkpoint is missing or damaged.
        UsageError: if ``images`` cannot be used.
    """
    read_manifest(directory)
    payload = {
        "directory": str(directory),
        "checkpoint": checkpoint,
        "pictures": {"kind": "folder", "folder": str(images)} if images else {"kind": "all"},
        "threads": threads,
    }
    result = run_in_worker("pam_edge.delivery.verify:verify_in_worker", payload, threads=threads)
    return tuple(ParityRecord.model_validate(record) for record in result["parity"])


def assert_parity(directory: Path | str, *, images: Path | str | None = None) -> None:
    """Fail unless every entry point of an artifact folder computes what the supernet computes: for users' own tests.

    Raises:
        ParityError: if one does not, or could not be run here.
        ArtifactError: as ``verify``.
    """
    records = verify(Path(directory), images=Path(images) if images else None)
    failed = [record for record in records if record.passed is not True]
    if failed:
        raise ParityError(describe_failure(str(directory), failed))


def describe_failure(name: str, failed: Sequence[ParityRecord]) -> str:
    """Return one paragraph on entry points that failed parity."""
    parts = []
    for record in failed:
        if record.max_abs_error is None:
            parts.append(f"{record.entry_point} could not be run: {record.reason}")
            continue
        block = record.first_diverging_block
        where = f"first diverging block {block}" if block else "no block found to differ"
        mixed = "; computes another entry point's path" if record.path_mismatches else ""
        parts.append(
            f"{record.entry_point}: max |Δα| {record.max_abs_error:.2g}, RMS in the unknown region "
            f"{record.rms_error_unknown:.2g} (worst picture {record.worst_picture}, {where}{mixed}"
            + (f"; {record.reason})" if record.reason else ")")
        )
    return f"{name}: the artifact does not compute what the supernet computes. " + ". ".join(parts)


def verify_in_worker(payload: dict[str, Any]) -> dict[str, Any]:
    """Check the folder that ``payload`` names (see ``verify``); return ``{"parity": [...]}``."""
    import torch

    torch.set_num_threads(payload["threads"])
    directory = Path(payload["directory"])
    manifest = read_manifest(directory)
    checkpoint = load_checkpoint(payload["checkpoint"] or manifest.checkpoint.reference)
    _check_same_weights(checkpoint, manifest.checkpoint)
    parity = check_in_process(directory, manifest, checkpoint, payload["pictures"], threads=payload["threads"])
    return {"parity": [record.model_dump() for record in parity]}


def check_in_process(
    directory: Path,
    manifest: Manifest,
    checkpoint: Checkpoint,
    pictures: dict[str, Any],
    *,
    mattes: Path | None = None,
    threads: int,
) -> tuple[ParityRecord, ...]:
    """Check the entry points of ``manifest``, whose files lie in ``directory``.

    Args:
        directory: where the files lie.
        manifest: what they should be.
        checkpoint: that they were made from.
        pictures: see ``choose_pictures``.
        mattes: folder that receives the artifact's alphas as ``ENTRY.PICTURE.npy``.
        threads: for the runtime.
    """
    reference = Reference(checkpoint.supernet, choose_pictures(pictures, manifest.height, manifest.width))
    records = []
    for entry in manifest.entry_points:
        record, alphas = _check(directory, entry, manifest, reference, threads)
        if mattes:
            _save_mattes(mattes, entry.name, alphas)
        records.append(record)
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
            f"{checkpoint.sha256[:12]}…. Verify against the right one with --checkpoint, or convert again."
        )


def _check(
    directory: Path, entry: EntryPointRecord, manifest: Manifest, reference: Reference, threads: int
) -> tuple[ParityRecord, dict[str, NDArray[np.float32]]]:
    file, path, limits = directory / entry.file, PathSpec.parse(entry.path), LIMITS[manifest.precision]
    others = [PathSpec.parse(other.path) for other in manifest.entry_points]
    changed = not file.exists() or content_hash(file) != entry.sha256
    try:
        model = load_runtime(manifest.target).load(file, entry.name, threads=threads)
        parity, alphas = check_entry_point(model, path, others, reference)
    except MissingExtraError as error:
        return _without_result(entry, manifest.target, None, str(error)), {}
    except PamEdgeError as error:
        return _without_result(entry, manifest.target, False, str(error)), {}
    record = _record(entry, manifest.target, model, parity, changed)
    if all(found.within(limits) for found in parity.deviations.values()) and not changed and not record.path_mismatches:
        return record.model_copy(update={"passed": True}), alphas
    block = _first_divergence(model, path, reference, parity.worst, limits.block)
    return record.model_copy(update={"passed": False, "first_diverging_block": block}), alphas


def _record(
    entry: EntryPointRecord, target: Target, model: LoadedModel, parity: EntryParity, changed: bool
) -> ParityRecord:
    found = list(parity.deviations.values())
    return ParityRecord(
        entry_point=entry.name,
        passed=False,
        ran_on=model.ran_on,
        proves=PROVES[target],
        images=len(found),
        max_abs_error=float(np.max([d.max_abs for d in found])),
        rms_error_unknown=float(np.max([d.rms for d in found])),
        sad_change=float(np.max([d.sad_change for d in found])),
        path_mismatches=int(parity.nearest_path != entry.path),
        worst_picture=parity.worst,
        first_diverging_block=None,
        reason="the file's SHA-256 is not the manifest's: it was changed after it was made" if changed else None,
    )


def _without_result(entry: EntryPointRecord, target: Target, passed: bool | None, reason: str) -> ParityRecord:
    """Return the record of an entry point that gave no alpha: None for not run, False for cannot be run."""
    return ParityRecord(
        entry_point=entry.name,
        passed=passed,
        ran_on="nothing",
        proves=PROVES[target],
        images=0,
        max_abs_error=None,
        rms_error_unknown=None,
        sad_change=None,
        path_mismatches=0,
        worst_picture=None,
        first_diverging_block=None,
        reason=reason,
    )


def _first_divergence(
    model: LoadedModel, path: PathSpec, reference: Reference, picture: str, tolerance: float
) -> str | None:
    worst = next(p for p in reference.pictures if p.name == picture)
    expected = [
        BlockOutput(stage.name, stage.output.numpy(), tuple(w.detach().numpy() for w in stage.weights))
        for stage in reference.stages(path, worst)
    ]
    return model.first_divergence(worst.image, worst.trimap, expected, tolerance)


def _save_mattes(folder: Path, entry: str, alphas: dict[str, NDArray[np.float32]]) -> None:
    for picture, alpha in alphas.items():
        np.save(folder / f"{entry}.{picture}.npy", alpha)
