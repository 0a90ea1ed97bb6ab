"""The quantised network of an artifact: made once, written down, and made again from what was written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pam_edge.delivery.artifact.manifest import CalibrationRecord, Manifest, QualityRecord, QuantisationRecord
from pam_edge.errors import ArtifactError
from pam_edge.evaluation.pictures import fit, folder_pictures
from pam_edge.quantisation.calibrate import find_ranges
from pam_edge.quantisation.network import parts_of, sites_of
from pam_edge.quantisation.pictures import calibration_pictures, content_of, judged_pictures
from pam_edge.quantisation.quality import LIMITS, Quality
from pam_edge.quantisation.quantise import Recipe, always_float, quantise
from pam_edge.quantisation.search import choose_recipe
from pam_edge.supernet.checkpoint import Checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Precision


def make_quantisation(
    checkpoint: Checkpoint,
    precision: Precision,
    paths: Sequence[PathSpec],
    size: tuple[int, int],
    calibration: Path | None,
    more_paths: Sequence[PathSpec] = (),
) -> QuantisationRecord:
    """Find ranges and the parts that stay float, and judge the mattes.

    Args:
        checkpoint: float.
        precision: a quantised one.
        paths: that are delivered, each of which has to be good enough.
        size: height and width at which all of it is done.
        calibration: a user's photographs; None takes those that ship.
        more_paths: whose features have to fit the ranges as well.

    Raises:
        UsageError: if the photographs cannot be used.
        ConversionError: if mattes are not good enough.
    """
    has_ranges = precision is Precision.INT8
    pictures = (folder_pictures(calibration) if calibration else calibration_pictures()) if has_ranges else ()
    fitted = [fit(picture, *size) for picture in pictures]
    ranges = find_ranges(checkpoint.supernet, (*paths, *more_paths), fitted) if has_ranges else {}
    cases = [case.fit(*size) for case in judged_pictures()]
    chosen = choose_recipe(checkpoint.supernet, precision, ranges, paths, cases)
    return QuantisationRecord(
        float_parts=dict.fromkeys(sorted(always_float(precision))) | chosen.damage,
        ranges=dict(sorted(ranges.items())),
        calibration=tuple(CalibrationRecord(picture=each.name, sha256=content_of(each)) for each in pictures),
        quality=tuple(map(quality_record, chosen.quality)),
    )


def quantised(checkpoint: Checkpoint, manifest: Manifest) -> Checkpoint:
    """Return a checkpoint as an artifact computes it: itself, or with what the manifest says in few bits.

    Raises:
        ArtifactError: if the manifest names parts or ranges that the network does not have.
    """
    record = manifest.quantisation
    return checkpoint if record is None else apply(checkpoint, manifest.precision, record)


def apply(checkpoint: Checkpoint, precision: Precision, record: QuantisationRecord) -> Checkpoint:
    """Return a checkpoint with what a record says in few bits; see ``quantised``."""
    parts, sites = frozenset(parts_of(checkpoint.supernet)), sites_of(checkpoint.supernet)
    if not (always_float(precision) <= record.float_parts.keys() <= parts and record.ranges.keys() <= sites):
        raise ArtifactError(
            f"The manifest's record of what is quantised names parts or ranges that {checkpoint.config.name} does not "
            "have: it is damaged, or of another network. Convert again."
        )
    recipe = Recipe(precision, parts - record.float_parts.keys(), record.ranges)
    return replace(checkpoint, supernet=quantise(checkpoint.supernet, recipe))


def is_good_enough(record: QualityRecord, precision: Precision) -> bool:
    """Return whether mattes are as good as a precision has to be, by a manifest's own figures."""
    quality = Quality(
        PathSpec.parse(record.path),
        (record.height, record.width),
        **record.model_dump(exclude={"path", "height", "width"}),
    )
    return quality.within(LIMITS[precision])


def quality_record(quality: Quality) -> QualityRecord:
    """Return it as a manifest holds it."""
    return QualityRecord(
        path=str(quality.path),
        height=quality.size[0],
        width=quality.size[1],
        pictures=quality.pictures,
        sad_float=quality.sad_float,
        sad=quality.sad,
        mse_float=quality.mse_float,
        mse=quality.mse,
        worst_picture=quality.worst_picture,
        worst_change=quality.worst_change,
    )
