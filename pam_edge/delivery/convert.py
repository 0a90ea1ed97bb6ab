"""Convert a checkpoint to verified artifact folders.

    checkpoint + profile + budgets -> plans -> worker per target: convert, then verify -> folder, renamed into place

Each target's conversion and verification run in worker processes, side by side; a folder appears whole or not at all.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pam_edge.converters.registry import require
from pam_edge.delivery.artifact_report import write_artifact_report
from pam_edge.delivery.contract import contract
from pam_edge.delivery.folder import deliver, staging
from pam_edge.delivery.golden import write_golden
from pam_edge.delivery.manifest import (
    MANIFEST,
    CheckpointRecord,
    EntryPointRecord,
    Manifest,
    ProfileRecord,
    content_bytes,
    content_hash,
)
from pam_edge.delivery.verify import check_folder, describe_failure
from pam_edge.device_profiles import load_profile
from pam_edge.device_profiles.schema import DeviceProfile
from pam_edge.errors import ParityError, UsageError
from pam_edge.evaluation.parity import Reference
from pam_edge.evaluation.pictures import adversarial_pictures, bundled_pictures, fit
from pam_edge.planning.budget import Budget
from pam_edge.planning.cost import CostTable, mac_cost_table
from pam_edge.planning.planner import ErrorTable, Plan, plan_path
from pam_edge.planning.profile import profile_cost_table
from pam_edge.supernet.checkpoint import Checkpoint, load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Mode, Precision, Target, TensorIO
from pam_edge.workers import run_in_worker

Progress = Callable[[Target, str], None]
"""Called with a target and what it is doing now."""


@dataclass(frozen=True, slots=True)
class ConvertRequest:
    """What to convert.

    Attributes:
        checkpoint: variant name or file.
        targets: at least one.
        budgets: at least one; equal labels are an error.
        profile: name or file of a device profile; None plans by MACs.
        precision: None takes each target's own.
        height: of the input, a multiple of 32.
        width: likewise.
        out: folder that receives one artifact folder per target.
        command: as typed, for the manifest.
    """

    checkpoint: str
    targets: tuple[Target, ...]
    budgets: tuple[Budget, ...]
    profile: str | None
    mode: Mode
    precision: Precision | None
    height: int
    width: int
    io: TensorIO
    out: Path
    command: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """One artifact folder that was written."""

    directory: Path
    manifest: Manifest
    plans: tuple[Plan, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """A request narrowed to one target, with everything planned."""

    request: ConvertRequest
    target: Target
    precision: Precision
    checkpoint: Checkpoint
    profile: ProfileRecord | None
    costs: CostTable
    macs: CostTable
    plans: tuple[Plan, ...]

    @property
    def folder_name(self) -> str:
        profile = self.profile.name if self.profile else "macs"
        precision = "" if self.precision is self.target.default_precision else f"_{self.precision.value}"
        return f"{self.checkpoint.config.name}_{profile}_{self.target.value}_{self.request.mode.value}{precision}"


def convert(request: ConvertRequest, progress: Progress = lambda target, step: None) -> list[Artifact]:
    """Convert, verify and deliver; everything that can be refused is refused before any work starts.

    Raises:
        UsageError, BudgetError, CheckpointError, ProfileError, MissingExtraError: if the request cannot be met.
        ConversionError: if a converter failed.
        ParityError: if an artifact does not compute what the supernet computes; nothing of it is delivered.
    """
    jobs = _prepare(request)
    workers = min(len(jobs), os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(_make, job, progress) for job in jobs]
        try:
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def plan_budgets(
    checkpoint: Checkpoint, budgets: Sequence[Budget], costs: CostTable, macs: CostTable
) -> tuple[Plan, ...]:
    """Return one plan per budget, using the checkpoint's table of path errors where it has one."""
    listed = checkpoint.training.path_errors
    errors = ErrorTable("expected error", {PathSpec.parse(p): e for p, e in listed.items()}) if listed else None
    return tuple(plan_path(budget, costs, macs, errors) for budget in budgets)


def _prepare(request: ConvertRequest) -> list[_Job]:
    _check_request(request)
    for target in request.targets:
        require(target)
    checkpoint = load_checkpoint(request.checkpoint)
    profile = load_profile(request.profile) if request.profile else None
    _check_writable(request.out)
    return [_plan(request, target, checkpoint, profile) for target in request.targets]


def _plan(request: ConvertRequest, target: Target, checkpoint: Checkpoint, profile: DeviceProfile | None) -> _Job:
    precision = request.precision or target.default_precision
    macs = costs = mac_cost_table(checkpoint.config, request.height, request.width)
    record = None
    if profile:
        costs = profile_cost_table(
            profile,
            target=target.value,
            precision=precision.value,
            height=request.height,
            width=request.width,
            config=checkpoint.config,
        )
        record = ProfileRecord(name=profile.name, provenance=costs.provenance.value)
    plans = plan_budgets(checkpoint, request.budgets, costs, macs)
    return _Job(request, target, precision, checkpoint, record, costs, macs, plans)


def _check_request(request: ConvertRequest) -> None:
    for name, value in (("height", request.height), ("width", request.width)):
        if value <= 0 or value % 32:
            nearest = max(32, round(value / 32) * 32)
            raise UsageError(f"--size: expected multiples of 32; the {name} is {value}. The nearest is {nearest}.")
    labels = [budget.label for budget in request.budgets]
    if len(set(labels)) != len(labels):
        raise UsageError(f"Every budget becomes an entry point of its own name; got {', '.join(labels)}. Drop repeats.")


def _check_writable(out: Path) -> None:
    existing = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise UsageError(f"--out {out}: {existing} is not a folder that can be written to. Choose another folder.")


def _make(job: _Job, progress: Progress) -> Artifact:
    final = job.request.out / job.folder_name
    with staging(final) as folder, tempfile.TemporaryDirectory() as mattes:
        progress(job.target, "converting")
        converted = run_in_worker("pam_edge.converters.worker:convert", _conversion_payload(job, folder))
        manifest = _manifest(job, _entry_records(job, folder, converted["files"]), converted["versions"])
        progress(job.target, "verifying")
        parity = check_folder(folder, manifest, job.request.checkpoint, {"kind": "convert"}, mattes=Path(mattes))
        failed = [record for record in parity if record.passed is False]
        if failed:
            raise ParityError(describe_failure(job.target.value, failed))
        progress(job.target, "writing the report")
        manifest = _finish(job, folder, manifest.model_copy(update={"parity": parity}), Path(mattes))
        deliver(folder, final)
    return Artifact(final, manifest, job.plans)


def _conversion_payload(job: _Job, folder: Path) -> dict[str, Any]:
    return {
        "checkpoint": job.request.checkpoint,
        "target": job.target.value,
        "mode": job.request.mode.value,
        "precision": job.precision.value,
        "io": job.request.io.value,
        "size": [job.request.height, job.request.width],
        "entry_points": {plan.budget.label: str(plan.path) for plan in job.plans},
        "directory": str(folder),
    }


def _entry_records(job: _Job, folder: Path, files: dict[str, str]) -> tuple[EntryPointRecord, ...]:
    return tuple(
        EntryPointRecord(
            name=plan.budget.label,
            budget=str(plan.budget),
            path=str(plan.path),
            predicted_cost=plan.predicted_cost,
            cost_unit=plan.unit.value,
            cost_provenance=plan.provenance.value,
            cost_interval=plan.interval,
            gmacs=plan.gmacs,
            objective=plan.objective,
            file=files[plan.budget.label],
            sha256=content_hash(folder / files[plan.budget.label]),
            bytes=content_bytes(folder / files[plan.budget.label]),
        )
        for plan in job.plans
    )


def _checkpoint_record(checkpoint: Checkpoint) -> CheckpointRecord:
    return CheckpointRecord(
        reference=checkpoint.reference,
        sha256=checkpoint.sha256,
        variant=checkpoint.config.name,
        architecture_hash=checkpoint.config.architecture_hash(),
        trained=checkpoint.training.trained,
        summary=checkpoint.training.summary,
    )


def _manifest(job: _Job, entries: tuple[EntryPointRecord, ...], versions: dict[str, str]) -> Manifest:
    request = job.request
    inputs, outputs = contract(job.target, request.io, request.height, request.width)
    return Manifest(
        checkpoint=_checkpoint_record(job.checkpoint),
        target=job.target,
        mode=request.mode,
        precision=job.precision,
        io=request.io if job.target is Target.COREML else TensorIO.TENSOR,
        height=request.height,
        width=request.width,
        profile=job.profile,
        entry_points=entries,
        inputs=inputs,
        outputs=outputs,
        parity=(),
        golden=(),
        tool_versions=versions,
        command=request.command,
    )


def _finish(job: _Job, folder: Path, manifest: Manifest, mattes: Path) -> Manifest:
    """Add golden vectors, report and manifest to the folder."""
    size = job.request.height, job.request.width
    pictures = tuple(fit(picture, *size) for picture in bundled_pictures())
    reference = Reference(job.checkpoint.supernet, pictures)
    paths = {plan.budget.label: plan.path for plan in job.plans}
    golden = write_golden(folder, (pictures[0], adversarial_pictures(*size)[0]), paths, reference)
    manifest = manifest.model_copy(update={"golden": golden})
    write_artifact_report(folder / "report.html", manifest, job.plans, job.costs, job.macs, reference, mattes)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest
