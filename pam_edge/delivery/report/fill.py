"""Fill the report of an artifact folder from what convert knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.manifest import EntryPointRecord, Manifest, ParityRecord, QualityRecord
from pam_edge.delivery.parity.expected import expected_matte
from pam_edge.delivery.parity.verify import describe_divergence
from pam_edge.delivery.planned import PlannedRecord
from pam_edge.delivery.report.page import write_report
from pam_edge.delivery.report.records import (
    BesideFloatRow,
    EntryReport,
    Front,
    FrontPoint,
    ParityRow,
    PictureRow,
    Report,
    Status,
)
from pam_edge.evaluation.parity import LIMITS, Reference
from pam_edge.evaluation.pictures import Picture
from pam_edge.matting.cutout import with_alpha
from pam_edge.planning.front import pareto_front
from pam_edge.planning.planner import Plan
from pam_edge.quantisation.pictures import judged_pictures
from pam_edge.quantisation.quality import matte
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import CostUnit, Precision

_STATUS: dict[bool | None, Status] = {True: "passed", False: "failed", None: "not run"}
_GAIN = dict.fromkeys(Precision, 100.0) | {Precision.FP32: 1e6, Precision.INT8: 10.0}
"""Differences are shown times this: large enough to see the rounding of a correct artifact."""

_BESIDE_FLOAT_GAIN = 10.0
"""What quantising changes is larger than what two runtimes round differently."""


References = dict[tuple[int, int], Reference]
"""The supernet and the pictures to show, by height and width."""


def write_artifact_report(
    file: Path,
    artifact: Artifact,
    planned: Sequence[PlannedRecord],
    references: References,
    mattes: Path,
    full: Supernet,
) -> None:
    """Write ``report.html``.

    Args:
        file: where to.
        artifact: complete but for the report.
        planned: for each size, the plans of its entry points, in their order, and what they were made with.
        references: for each size, the supernet and the pictures to show.
        mattes: folder with the artifact's alphas, ``ENTRY.PICTURE.npy``.
        full: the supernet in float, beside which a quantised one is shown.
    """
    manifest = artifact.manifest
    checkpoint, profile = manifest.checkpoint, manifest.profile
    plans = [plan for each in planned for plan in each.plans]
    report = Report(
        title=checkpoint.variant,
        untrained=not checkpoint.trained,
        target=manifest.target,
        mode=manifest.mode,
        precision=manifest.precision,
        sizes=manifest.sizes,
        profile=profile.name if profile else "none: planned by MACs",
        provenance=planned[0].costs.provenance,
        entries=tuple(_entry(entry, plan) for entry, plan in zip(manifest.entry_points, plans, strict=True)),
        parity=tuple(_parity(record, manifest.precision) for record in manifest.parity),
        front=_front(planned[0], manifest.sizes),
        pictures=tuple(_pictures(artifact, references, mattes)),
        beside_float=tuple(_beside_float(manifest, full, references)),
        notes=tuple(_notes(manifest)),
        facts=tuple(_facts(manifest)),
    )
    write_report(file, report)


def _entry(entry: EntryPointRecord, plan: Plan) -> EntryReport:
    return EntryReport(
        name=entry.name,
        budget=entry.budget,
        limit=plan.limit if plan.limit_unit is plan.unit else None,
        path=tuple(PathSpec.parse(entry.path).runs) if entry.path else None,
        predicted_cost=entry.predicted_cost,
        interval=entry.cost_interval if entry.cost_interval[0] != entry.cost_interval[1] else None,
        unit=entry.cost_unit,
        provenance=entry.cost_provenance,
        gmacs=entry.gmacs,
        file=entry.file,
        size_bytes=entry.bytes,
        sha256=entry.sha256,
    )


def _parity(record: ParityRecord, precision: Precision) -> ParityRow:
    notes = [f"worst picture: {record.worst_picture}"] if record.worst_picture else []
    notes += [text for text in (record.reason, describe_divergence(record)) if text]
    return ParityRow(
        entry_point=record.entry_point,
        status=_STATUS[record.passed],
        ran_on=record.ran_on,
        images=record.images,
        max_abs_error=record.max_abs_error,
        rms_error_unknown=record.rms_error_unknown,
        sad_change=record.sad_change,
        max_abs_limit=LIMITS[precision].max_abs,
        rms_limit=LIMITS[precision].rms,
        path_mismatches=record.path_mismatches if record.passed is not None else None,
        note="; ".join(notes),
    )


def _front(planned: PlannedRecord, sizes: Sequence[tuple[int, int]]) -> Front | None:
    """Return the front of the first size, where cost and value are not the same number."""
    costs = planned.costs
    if costs.unit is CostUnit.GMAC:
        return None
    # By MACs alone: its second axis is MACs, which the checkpoint's errors do not order.
    points = [FrontPoint(plan.predicted_cost, plan.gmacs) for plan in pareto_front(costs, planned.macs)]
    points += [FrontPoint(plan.predicted_cost, plan.gmacs, label=plan.budget.label) for plan in planned.plans]
    of_size = f", at {sizes[0][0]}x{sizes[0][1]}" if len(sizes) > 1 else ""
    cost_label = f"predicted cost, {costs.unit} ({costs.provenance}){of_size}"
    return Front(cost_label, "GMACs of the path (counted)", tuple(points))


def _pictures(artifact: Artifact, references: References, mattes: Path) -> Iterator[PictureRow]:
    for size, reference in references.items():
        entries = artifact.entries_of(size)
        suffix = f" {size[0]}x{size[1]}" if len(references) > 1 else ""
        for picture, entry in product(reference.pictures, entries):
            alpha, colours = (_load(mattes / f"{entry.name}.{picture.name}{end}.npy") for end in ("", ".foreground"))
            yield PictureRow(
                picture=picture.name + suffix,
                source=picture.source,
                entry_point=entry.name,
                image=picture.image,
                trimap=picture.trimap,
                reference=expected_matte(artifact, entry, reference, picture).alpha,
                artifact=alpha,
                cutout=None if alpha is None else _cut_out(picture, alpha, colours),
                mask=picture.mask,
                colours_are_artifacts=colours is not None,
                gain=_GAIN[artifact.manifest.precision],
            )


def _beside_float(manifest: Manifest, full: Supernet, references: References) -> Iterator[BesideFloatRow]:
    """Return the worst picture of each path, at the size at which it was judged."""
    if manifest.quantisation is None:
        return
    size, reference = next(iter(references.items()))
    cases = {case.picture.name: case for case in judged_pictures()}
    for quality in manifest.quantisation.quality:
        case, path = cases[quality.worst_picture].fit(*size), PathSpec.parse(quality.path)
        yield BesideFloatRow(
            picture=quality.worst_picture,
            source=case.picture.source,
            path=quality.path,
            sad_change=quality.worst_change,
            image=case.picture.image,
            truth=case.alpha,
            full=matte(full, path, case),
            quantised=matte(reference.supernet, path, case),
            gain=_BESIDE_FLOAT_GAIN,
        )


def _load(file: Path) -> NDArray[np.float32] | None:
    return np.load(file) if file.is_file() else None


def _cut_out(picture: Picture, alpha: NDArray[np.float32], colours: NDArray[np.float32] | None) -> NDArray[np.uint8]:
    """Return uint8[H, W, 4], RGBA: with the artifact's own colours, if it gives any."""
    if colours is None:
        return with_alpha(picture.image, alpha)
    return np.nan_to_num(np.dstack([colours, alpha * 255])).round().clip(0, 255).astype(np.uint8)


def _notes(manifest: Manifest) -> Iterator[str]:
    if not manifest.checkpoint.trained:
        yield f"The weights are untrained ({manifest.checkpoint.summary}): the mattes below mean nothing."
    if manifest.parity:
        yield f"What passing parity proves: {manifest.parity[0].proves}."
    if manifest.quantisation:
        quality = manifest.quantisation.quality
        yield (
            "Parity is that of the file with the quantised network in PyTorch. Against the float network, on "
            f"{quality[0].pictures} pictures of known alpha: {'; '.join(map(_describe_quality, quality))}."
        )
    if manifest.profile and manifest.profile.provenance == "estimated":
        yield (
            "Costs are estimated from published peak rates, which no device reaches: they rank paths, and are no "
            "promise of a latency. Measure the device to get one."
        )


def _describe_quality(quality: QualityRecord) -> str:
    sad, mse = quality.sad / quality.sad_float - 1, quality.mse / quality.mse_float - 1
    worst = f"worst SAD {quality.worst_change:+.1%} ({quality.worst_picture})"
    return f"path {quality.path} SAD {sad:+.1%}, MSE {mse:+.1%}, {worst}"


def _facts(manifest: Manifest) -> Iterator[tuple[str, str]]:
    yield "Command", manifest.command
    yield "Checkpoint", f"{manifest.checkpoint.reference}, SHA-256 {manifest.checkpoint.sha256}"
    yield "Weights", manifest.checkpoint.summary
    yield "Architecture", manifest.checkpoint.architecture_hash
    yield "Paths", "; ".join(dict.fromkeys(entry.objective for entry in manifest.entry_points))
    for each in manifest.accelerators:
        yield each.accelerator, f"{'suited' if each.suits else 'not suited'}: {each.why}"
    yield "Tools", ", ".join(f"{name} {version}" for name, version in sorted(manifest.tool_versions.items()))
