"""Compare alphas that a device computed from the golden inputs with what they should be."""

from __future__ import annotations

from pathlib import Path

from pam_edge.delivery.golden import GOLDEN, read_alpha
from pam_edge.delivery.manifest import EntryPointRecord, Manifest, ParityRecord, read_manifest
from pam_edge.errors import UsageError
from pam_edge.evaluation.parity import LIMITS, Deviation, deviation
from pam_edge.matting.images import read_trimap


def verify_device_outputs(directory: Path, outputs: Path) -> tuple[ParityRecord, ...]:
    """Judge a device's alphas by the same limits as ``verify``.

    Args:
        directory: artifact folder with ``golden/``.
        outputs: folder with files named as the golden alphas, ``ENTRY.PICTURE.alpha.f32``: raw little-endian
            float32, height x width. An entry point without any file is reported as not run.

    Raises:
        UsageError: if the folder holds none of the files, or a file has another size.
    """
    manifest = read_manifest(directory)
    records = tuple(_check(directory, outputs, manifest, entry) for entry in manifest.entry_points)
    if all(record.passed is None for record in records):
        example = _names(manifest, manifest.entry_points[0].name)[0]
        raise UsageError(
            f"{outputs} holds none of the expected files, such as {example}. "
            f"Run the inputs in {directory / GOLDEN} on the device and save each alpha under the golden alpha's name."
        )
    return records


def _names(manifest: Manifest, entry_point: str) -> list[str]:
    return [Path(golden.alphas[entry_point]).name for golden in manifest.golden]


def _check(directory: Path, outputs: Path, manifest: Manifest, entry: EntryPointRecord) -> ParityRecord:
    size = manifest.height, manifest.width
    found: dict[str, Deviation] = {}
    for golden, name in zip(manifest.golden, _names(manifest, entry.name), strict=True):
        if (outputs / name).is_file():
            trimap = read_trimap(directory / golden.trimap, *size)
            expected = read_alpha(directory / golden.alphas[entry.name], *size)
            found[golden.picture] = deviation(read_alpha(outputs / name, *size), expected, trimap)
    missing = len(manifest.golden) - len(found)
    limits = LIMITS[manifest.precision]
    passed = all(each.within(limits) for each in found.values())
    return ParityRecord(
        entry_point=entry.name,
        runtime="device",
        passed=(passed if not missing or not passed else None) if found else None,
        ran_on=f"the device whose outputs are in {outputs}",
        proves="what the device computed, on the golden vectors",
        images=len(found),
        max_abs_error=max((each.max_abs for each in found.values()), default=None),
        rms_error_unknown=max((each.rms for each in found.values()), default=None),
        sad_change=max((each.sad_change for each in found.values()), default=None),
        path_mismatches=0,
        worst_picture=max(found, key=lambda name: found[name].max_abs, default=None),
        reason=f"{missing} of {len(manifest.golden)} alphas are missing" if missing else None,
    )
