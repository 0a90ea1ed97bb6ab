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
from pam_edge.runtimes.base import BlockOutput, Expectation, LoadedModel, Runtime
from pam_edge.runtimes.registry import load_runtime, runtime_names
from pam_edge.supernet.checkpoint import Checkpoint, load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Precision, Target
from pam_edge.workers import run_in_worker

PROVES = {
    "litert": "the saved file, in the runtime that apps use",
    "executorch": "the saved file, in the runtime that apps use",
    "coreml": "the saved package, in Core ML on this Mac; a phone's compute units may round differently",
    "reference": "semantics, weights and rounding of the saved package; not the Neural Engine's own arithmetic",
}
"""What a pass says, per runtime, on a machine that is not the phone."""

DATA_PICTURES_IN_CONVERT = 2


def verify(
    directory: Path,
    *,
    images: Path | None = None,
    checkpoint: str | None = None,
    runtime: str | None = None,
    threads: int = 1,
) -> tuple[ParityRecord, ...]:
    """Check every entry point of an artifact folder.

    Args:
        directory: an artifact folder.
        images: folder of pictures to judge on; None takes the bundled photographs, the adversarial pictures and
            the photographs of the data folder, where there is one.
        checkpoint: name or file; None takes the one that the manifest names.
        runtime: name of the runtime to check in; None takes all that this machine can have, which for Core ML is
            Core ML itself and the reference runtime on macOS, and the reference runtime elsewhere.
        threads: for the runtime and PyTorch.

    Raises:
        ArtifactError: if the folder, a file or the checkpoint is missing or damaged.
        UsageError: if ``images`` cannot be used, or the target has no such runtime here.
    """
    target = read_manifest(directory).target
    if runtime is not None and runtime not in runtime_names(target):
        load_runtime(target, runtime)
    payload = {
        "directory": str(directory),
        "checkpoint": checkpoint,
        "pictures": {"kind": "folder", "folder": str(images)} if images else {"kind": "all"},
        "runtime": runtime,
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
            where = describe_divergence(record)
            parts.append(f"{record.entry_point} could not be run: {record.reason}" + (f" ({where})" if where else ""))
            continue
        where = describe_divergence(record) or "no block found to differ"
        mixed = "; computes another entry point's path" if record.path_mismatches else ""
        parts.append(
            f"{record.entry_point}: max |Δα| {record.max_abs_error:.2g}, RMS in the unknown region "
            f"{record.rms_error_unknown:.2g} (worst picture {record.worst_picture}, {where}{mixed}"
            + (f"; {record.reason})" if record.reason else ")")
        )
    return f"{name}: the artifact does not compute what the supernet computes. " + ". ".join(parts)


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
    directory = Path(payload["directory"])
    manifest = read_manifest(directory)
    checkpoint = load_checkpoint(payload["checkpoint"] or manifest.checkpoint.reference)
    _check_same_weights(checkpoint, manifest.checkpoint)
    parity = check_in_process(
        directory, manifest, checkpoint, payload["pictures"], runtime=payload["runtime"], threads=payload["threads"]
    )
    return {"parity": [record.model_dump() for record in parity]}


def check_in_process(
    directory: Path,
    manifest: Manifest,
    checkpoint: Checkpoint,
    pictures: dict[str, Any],
    *,
    runtime: str | None = None,
    mattes: Path | None = None,
    threads: int,
) -> tuple[ParityRecord, ...]:
    """Check the entry points of ``manifest``, whose files lie in ``directory``.

    Args:
        directory: where the files lie.
        manifest: what they should be.
        checkpoint: that they were made from.
        pictures: see ``choose_pictures``.
        runtime: name of the one to check in; None takes all that this machine can have.
        mattes: folder that receives the alphas of the first runtime as ``ENTRY.PICTURE.npy``.
        threads: for the runtime.
    """
    reference = Reference(checkpoint.supernet, choose_pictures(pictures, manifest.height, manifest.width))
    runtimes = [runtime] if runtime else runtime_names(manifest.target)
    records = []
    for entry in manifest.entry_points:
        checked = [_check(directory, entry, manifest, reference, name, threads) for name in runtimes]
        if mattes:
            _save_mattes(mattes, entry.name, checked[0][1])
        records += _compare_runtimes([r for r, _ in checked], [a for _, a in checked], manifest.precision)
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
    directory: Path, entry: EntryPointRecord, manifest: Manifest, reference: Reference, runtime: str, threads: int
) -> tuple[ParityRecord, dict[str, NDArray[np.float32]]]:
    """Check one entry point in one runtime; return its record and alphas by picture."""
    file, path, limits = directory / entry.file, PathSpec.parse(entry.path), LIMITS[manifest.precision]
    others = [PathSpec.parse(other.path) for other in manifest.entry_points]
    blank = _blank(entry, manifest.target, runtime)
    try:
        loaded = load_runtime(manifest.target, runtime)
    except MissingExtraError as error:
        return blank.model_copy(update={"reason": str(error)}), {}
    changed = not file.exists() or content_hash(file) != entry.sha256
    try:
        model = loaded.load(file, entry.name, threads=threads)
        parity, alphas = check_entry_point(model, path, others, reference)
    except PamEdgeError as error:
        where = _locate(loaded, file, entry, reference, reference.pictures[0], manifest.precision)
        return blank.model_copy(update={"passed": False, "reason": str(error)} | where), {}
    record = blank.model_copy(update=_measured(entry, model, parity, changed))
    within = all(found.within(limits) for found in parity.deviations.values())
    if within and not changed and not record.path_mismatches:
        return record.model_copy(update={"passed": True}), alphas
    worst = next(picture for picture in reference.pictures if picture.name == parity.worst)
    where = _locate(loaded, file, entry, reference, worst, manifest.precision)
    return record.model_copy(update={"passed": False} | where), alphas


def _measured(entry: EntryPointRecord, model: LoadedModel, parity: EntryParity, changed: bool) -> dict[str, Any]:
    """Return the fields of a record that running the entry point gives."""
    found = list(parity.deviations.values())
    return {
        "ran_on": model.ran_on,
        "images": len(found),
        "max_abs_error": float(np.max([d.max_abs for d in found])),
        "rms_error_unknown": float(np.max([d.rms for d in found])),
        "sad_change": float(np.max([d.sad_change for d in found])),
        "path_mismatches": int(parity.nearest_path != entry.path),
        "worst_picture": parity.worst,
        "reason": "the file's SHA-256 is not the manifest's: it was changed after it was made" if changed else None,
    }


def _blank(entry: EntryPointRecord, target: Target, runtime: str) -> ParityRecord:
    """Return the record of an entry point that was not run."""
    return ParityRecord(
        entry_point=entry.name,
        passed=None,
        runtime=runtime,
        ran_on="nothing",
        proves=PROVES[runtime],
        images=0,
        max_abs_error=None,
        rms_error_unknown=None,
        sad_change=None,
        path_mismatches=0,
        worst_picture=None,
        reason=None,
    )


def _locate(
    runtime: Runtime, file: Path, entry: EntryPointRecord, reference: Reference, picture: Picture, precision: Precision
) -> dict[str, Any]:
    """Return the fields of a record that say where an entry point starts to differ."""
    if not file.exists():
        return {}
    path = PathSpec.parse(entry.path)
    stages, values = reference.parts(path, picture, precision)
    blocks = tuple(
        BlockOutput(stage.name, stage.output.numpy(), tuple(w.detach().numpy() for w in stage.weights))
        for stage in stages
    )
    layers = tuple((name, value.numpy()) for name, value in values)
    limits = LIMITS[precision]
    expected = Expectation(picture.image, picture.trimap, blocks, layers, limits.block, limits.block_float32)
    found = runtime.first_divergence(file, entry.name, expected)
    if found is None:
        return {}
    return {
        "first_diverging_block": found.block,
        "first_diverging_operation": found.operation,
        "divergence": found.explanation,
    }


def _compare_runtimes(
    records: list[ParityRecord], alphas: list[dict[str, NDArray[np.float32]]], precision: Precision
) -> list[ParityRecord]:
    """Compare each runtime's alphas of one entry point with the first runtime's; too far apart fails."""
    compared = records[:1]
    for record, own in zip(records[1:], alphas[1:], strict=True):
        shared = alphas[0].keys() & own.keys()
        if not shared:
            compared.append(record)
            continue
        largest = float(np.max([np.abs(alphas[0][name] - own[name]).max() for name in shared]))
        update: dict[str, Any] = {"max_abs_between_runtimes": largest}
        if not largest <= LIMITS[precision].max_abs:
            apart = f"{largest:.2g} away from {records[0].runtime}, more than {LIMITS[precision].max_abs:g}"
            update |= {"passed": False, "reason": apart}
        compared.append(record.model_copy(update=update))
    return compared


def _save_mattes(folder: Path, entry: str, alphas: dict[str, NDArray[np.float32]]) -> None:
    for picture, alpha in alphas.items():
        np.save(folder / f"{entry}.{picture}.npy", alpha)
