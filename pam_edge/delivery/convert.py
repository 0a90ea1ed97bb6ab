"""Convert a checkpoint to verified artifact folders.

    checkpoint + profile + budgets -> plans -> worker per target: convert, then check -> folder, renamed into place

Each target's conversion and verification run in worker processes, side by side; a folder appears whole or not at all.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pam_edge.converters.registry import require
from pam_edge.delivery.artifact.accelerators import accelerators
from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.golden import ExpectedMatte, write_golden
from pam_edge.delivery.artifact.manifest import (
    LARGEST_SIDE,
    MANIFEST,
    CheckpointRecord,
    Draft,
    EntryPointRecord,
    Manifest,
    PlannedEntryRecord,
    ProfileRecord,
)
from pam_edge.delivery.artifact.selection import governor_record
from pam_edge.delivery.artifact.staging import deliver, staging
from pam_edge.delivery.artifact.tensors import contract
from pam_edge.delivery.parity.expected import expected_matte
from pam_edge.delivery.parity.verify import describe_failure
from pam_edge.delivery.report.fill import write_artifact_report
from pam_edge.device_profiles import load_profile
from pam_edge.device_profiles.schema import DeviceProfile
from pam_edge.errors import BudgetError, ParityError, UsageError
from pam_edge.evaluation.parity import Reference
from pam_edge.evaluation.pictures import Picture, adversarial_pictures, bundled_pictures, fit
from pam_edge.graphs.governor import GovernorCosts, budget_input
from pam_edge.names import NAME_PATTERN
from pam_edge.planning.budget import Budget, BudgetUnit
from pam_edge.planning.cost import CostTable, mac_cost_table
from pam_edge.planning.device_costs import profile_cost_table
from pam_edge.planning.planner import ErrorTable, Plan, plan_path
from pam_edge.supernet.checkpoint import Checkpoint, load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import CostUnit, Mode, Precision, TensorIO
from pam_edge.workers import run_in_worker

DYNAMIC_FUNCTION = "dynamic"
"""What a dynamic graph's one function is called in its file."""

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
        io: of Core ML; None takes images for fp16 and tensors for fp32.
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
    io: TensorIO | None
    out: Path
    command: str


@dataclass(frozen=True, slots=True)
class _Job:
    """A request narrowed to one target, with everything planned."""

    request: ConvertRequest
    target: Target
    precision: Precision
    io: TensorIO
    checkpoint: Checkpoint
    profile: ProfileRecord | None
    costs: CostTable
    macs: CostTable
    plans: tuple[Plan, ...]

    @property
    def folder_name(self) -> str:
        profile = self.profile.name if self.profile else "macs"
        precision = "" if self.precision is self.target.default_precision else f"_{self.precision}"
        return f"{self.checkpoint.config.name}_{profile}_{self.target}_{self.request.mode}{precision}"


def convert(request: ConvertRequest, progress: Progress = lambda target, step: None) -> list[Artifact]:
    """Convert, verify and deliver; everything that can be refused is refused before any work starts.

    Raises:
        UsageError, BudgetError, CheckpointError, ProfileError, MissingExtraError: if the request cannot be met.
        ConversionError: if a converter failed.
        ParityError: if an artifact does not compute what the supernet computes; nothing of it is delivered.
    """
    jobs = _prepare(request)
    # One worker process per target, all at once: each is single-threaded, and the longest should not start last.
    with ThreadPoolExecutor(len(jobs)) as pool:
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
    errors = ErrorTable({PathSpec.parse(p): e for p, e in listed.items()}) if listed else None
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
    io = _choose_io(request.io, target, precision)
    macs = costs = mac_cost_table(checkpoint.config, request.height, request.width)
    record = None
    if profile:
        costs = profile_cost_table(
            profile,
            target=target,
            precision=precision,
            height=request.height,
            width=request.width,
            config=checkpoint.config,
            dynamic=request.mode is Mode.DYNAMIC,
        )
        record = ProfileRecord(name=profile.name, provenance=costs.provenance)
    if request.mode is Mode.DYNAMIC:
        _check_inputs(request.budgets, costs)
        plans = tuple(plan_path(budget, costs, macs) for budget in request.budgets)
    else:
        plans = plan_budgets(checkpoint, request.budgets, costs, macs)
    return _Job(request, target, precision, io, checkpoint, record, costs, macs, plans)


def _choose_io(asked: TensorIO | None, target: Target, precision: Precision) -> TensorIO:
    if target is not Target.COREML:
        return TensorIO.TENSOR
    if precision is Precision.FP32 and asked is TensorIO.IMAGE:
        raise UsageError(
            "--io image: Core ML returns alpha as a half-float image, whose rounding (2e-4) is more than fp32 allows "
            "(1e-4). Use --io tensor with fp32, or --precision fp16."
        )
    return asked or (TensorIO.IMAGE if precision is Precision.FP16 else TensorIO.TENSOR)


def _check_request(request: ConvertRequest) -> None:
    for name, value in (("height", request.height), ("width", request.width)):
        if not 0 < value <= LARGEST_SIDE or value % 32:
            nearest = min(LARGEST_SIDE, max(32, round(value / 32) * 32))
            raise UsageError(
                f"--size: expected multiples of 32 up to {LARGEST_SIDE}; the {name} is {value}. The nearest is "
                f"{nearest}."
            )
    if request.mode is Mode.PROBE:
        raise UsageError(
            "--mode probe: a probe graph is no artifact for apps. `pam-edge profile measure` makes and runs one here, "
            "`pam-edge profile kit` makes one for a device."
        )
    labels = [budget.label for budget in request.budgets]
    if len(set(labels)) != len(labels):
        raise UsageError(f"Every budget becomes an entry point of its own name; got {', '.join(labels)}. Drop repeats.")
    unnamed = [label for label in labels if not re.fullmatch(NAME_PATTERN, label)]
    if unnamed:
        raise UsageError(
            f"Every budget becomes an entry point, whose name has at most 80 characters; got {unnamed[0]}. Give fewer "
            "digits."
        )


def _check_writable(out: Path) -> None:
    existing = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise UsageError(f"--out {out}: {existing} is not a folder that can be written to. Choose another folder.")


def _make(job: _Job, progress: Progress) -> Artifact:
    final = job.request.out / job.folder_name
    with staging(final) as folder, tempfile.TemporaryDirectory() as mattes:
        progress(job.target, "converting, then checking against PyTorch")
        payload = {
            "draft": _draft(job).model_dump(mode="json"),
            "checkpoint": job.request.checkpoint,
            "directory": str(folder),
            "mattes": mattes,
        }
        result = run_in_worker("pam_edge.delivery.convert_worker:convert_and_check", payload)
        manifest = Manifest.model_validate(result["manifest"])
        failed = [record for record in manifest.parity if record.passed is False]
        if failed:
            raise ParityError(describe_failure(job.target, failed))
        progress(job.target, "writing the report")
        manifest = _finish(job, folder, manifest, Path(mattes))
        deliver(folder, final)
    return Artifact(final, manifest)


def _draft_entry(plan: Plan, mode: Mode, costs: CostTable) -> PlannedEntryRecord:
    entry = PlannedEntryRecord(
        name=plan.budget.label,
        budget=str(plan.budget),
        path=str(plan.path),
        function=plan.budget.label,
        budget_input=None,
        predicted_cost=plan.predicted_cost,
        cost_unit=plan.unit,
        cost_provenance=plan.provenance,
        cost_interval=plan.interval,
        gmacs=plan.gmacs,
        objective=plan.objective,
    )
    return entry if mode is not Mode.DYNAMIC else _leave_path_to_graph(entry, plan.budget, costs)


def _leave_path_to_graph(entry: PlannedEntryRecord, budget: Budget, costs: CostTable) -> PlannedEntryRecord:
    """Return the entry point of a dynamic graph: its cost and GMACs are the most that fit the budget."""
    governor = GovernorCosts.of(costs)
    limit = budget_input(budget, governor)
    most = min(limit, governor.full)
    return entry.model_copy(
        update={
            "path": None,
            "function": DYNAMIC_FUNCTION,
            "budget_input": limit,
            "predicted_cost": most,
            "cost_interval": (max(0.0, most - costs.margin), most + costs.margin),
            "objective": "chosen by the graph for each image",
        }
    )


def _check_inputs(budgets: Sequence[Budget], costs: CostTable) -> None:
    """Refuse budgets in another unit than the graph's costs, or that the graph cannot keep."""
    other = [budget for budget in budgets if budget.unit is BudgetUnit.GMAC and costs.unit is not CostUnit.GMAC]
    if other:
        raise BudgetError(
            f"A dynamic graph takes its budget in the profile's unit, {costs.unit}; got {other[0]}. Give "
            "milliseconds or percent, or leave --profile out, so that the graph counts GMACs."
        )
    for budget in budgets:
        budget_input(budget, GovernorCosts.of(costs))


def _checkpoint_record(checkpoint: Checkpoint) -> CheckpointRecord:
    return CheckpointRecord(
        reference=checkpoint.reference,
        sha256=checkpoint.sha256,
        variant=checkpoint.config.name,
        architecture_hash=checkpoint.config.architecture_hash(),
        trained=checkpoint.training.trained,
        summary=checkpoint.training.summary,
    )


def _draft(job: _Job) -> Draft:
    request = job.request
    blocks = len(job.costs) if request.mode is Mode.DYNAMIC else None
    inputs, outputs = contract(job.target, job.io, request.height, request.width, blocks, job.costs.unit)
    return Draft(
        checkpoint=_checkpoint_record(job.checkpoint),
        target=job.target,
        mode=request.mode,
        precision=job.precision,
        io=job.io,
        height=request.height,
        width=request.width,
        profile=job.profile,
        selection=governor_record(GovernorCosts.of(job.costs)) if request.mode is Mode.DYNAMIC else None,
        accelerators=accelerators(job.target, request.mode, job.precision),
        entry_points=tuple(_draft_entry(plan, request.mode, job.costs) for plan in job.plans),
        inputs=inputs,
        outputs=outputs,
        command=request.command,
    )


def _finish(job: _Job, folder: Path, manifest: Manifest, mattes: Path) -> Manifest:
    """Add golden vectors, report and manifest to the folder."""
    size = job.request.height, job.request.width
    pictures = tuple(fit(picture, *size) for picture in bundled_pictures())
    reference = Reference(job.checkpoint.supernet, pictures)
    artifact = Artifact(folder, manifest)

    def expected(entry: EntryPointRecord, picture: Picture) -> ExpectedMatte:
        return expected_matte(artifact, entry, reference, picture)

    golden = write_golden(folder, (pictures[0], adversarial_pictures(*size)[0]), manifest.entry_points, expected)
    artifact = Artifact(folder, manifest.model_copy(update={"golden": golden}))
    write_artifact_report(folder / "report.html", artifact, job.plans, job.costs, job.macs, reference, mattes)
    (folder / MANIFEST).write_text(artifact.manifest.model_dump_json(indent=2) + "\n")
    return artifact.manifest
