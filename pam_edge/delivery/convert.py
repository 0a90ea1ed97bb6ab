"""Convert a checkpoint to verified artifact folders.

    checkpoint + profile + budgets -> plans -> worker per target: convert, check, report -> folder, renamed into place

Each target's conversion and verification run in worker processes, side by side; a folder appears whole or not at all.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pam_edge.converters.registry import require
from pam_edge.data_folder import data_folder
from pam_edge.delivery.artifact.accelerators import accelerators
from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.ends import ends_record
from pam_edge.delivery.artifact.manifest import (
    MANIFEST,
    CheckpointRecord,
    Draft,
    Manifest,
    PlannedEntryRecord,
    ProfileRecord,
)
from pam_edge.delivery.artifact.selection import governor_record
from pam_edge.delivery.artifact.staging import check_replaceable, deliver, staging
from pam_edge.delivery.artifact.tensors import contract
from pam_edge.delivery.planned import PlannedRecord
from pam_edge.device_profiles import load_profile
from pam_edge.device_profiles.schema import DeviceProfile
from pam_edge.errors import BudgetError, UsageError
from pam_edge.evaluation.pictures import folder_pictures
from pam_edge.graphs.ends import PLAIN, Ends, Interface
from pam_edge.graphs.governor import GovernorCosts, budget_input
from pam_edge.matting.trimaps import default_band_px
from pam_edge.names import NAME_PATTERN
from pam_edge.planning.budget import Budget, BudgetUnit
from pam_edge.planning.conditions import Conditions
from pam_edge.planning.planner import Plan, most_macs
from pam_edge.planning.service import Planned, plan
from pam_edge.supernet.checkpoint import Checkpoint, load_checkpoint
from pam_edge.supernet.sizes import check_size
from pam_edge.targets import Target
from pam_edge.terms import CostUnit, Mode, Precision, Result, Source, TensorIO
from pam_edge.workers import run_in_worker, side_by_side

_log = logging.getLogger(__name__)

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
        interfaces: sizes, and what graphs take beside the image and give; several in mode multi alone.
        io: of Core ML; None takes images for fp16 and tensors for fp32.
        out: folder that receives one artifact folder per target.
        command: as typed, for the manifest.
        calibration: photographs to find ranges of int8's features on; None takes those that ship.
    """

    checkpoint: str
    targets: tuple[Target, ...]
    budgets: tuple[Budget, ...]
    profile: str | None
    mode: Mode
    precision: Precision | None
    interfaces: tuple[Interface, ...]
    io: TensorIO | None
    out: Path
    command: str
    calibration: Path | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    """A request narrowed to one target, with everything planned, for each size anew."""

    request: ConvertRequest
    target: Target
    precision: Precision
    io: TensorIO
    checkpoint: Checkpoint
    profile: ProfileRecord | None
    planned: tuple[Planned, ...]

    @property
    def folder_name(self) -> str:
        profile = self.profile.name if self.profile else "macs"
        precision = "" if self.precision is self.target.default_precision else f"_{self.precision}"
        ends = self.request.interfaces[0].ends
        other = "".join(f"_{end}" for end in (ends.source, ends.result) if end not in (PLAIN.source, PLAIN.result))
        return f"{self.checkpoint.config.name}_{profile}_{self.target}_{self.request.mode}{precision}{other}"


def convert(request: ConvertRequest, progress: Progress = lambda target, step: None) -> list[Artifact]:
    """Convert, verify and deliver; everything that can be refused is refused before any work starts.

    Raises:
        UsageError, BudgetError, CheckpointError, ProfileError, MissingExtraError: if the request cannot be met.
        ConversionError: if a converter failed.
        ParityError: if an artifact does not compute what the supernet computes; nothing of it is delivered.
        KeyboardInterrupt: with a note on what was delivered before it; the workers are then stopped.
    """
    jobs = _prepare(request)
    for job in jobs:
        check_replaceable(job.request.out / job.folder_name, MANIFEST)
    delivered: list[Path] = []
    try:
        # One worker process per target, all at once: each is single-threaded, and the longest should not start last.
        return side_by_side([partial(_make, job, progress, delivered) for job in jobs])
    except BaseException as error:
        if not isinstance(error, Exception):
            error.add_note(
                f"Written before: {', '.join(map(str, delivered))}." if delivered else "Nothing was written."
            )
        raise


def _prepare(request: ConvertRequest) -> list[_Job]:
    _check_request(request)
    for target in request.targets:
        require(target)
    data_folder()
    checkpoint = load_checkpoint(request.checkpoint)
    profile = load_profile(request.profile) if request.profile else None
    _check_writable(request.out)
    return [_plan(request, target, checkpoint, profile) for target in request.targets]


def _plan(request: ConvertRequest, target: Target, checkpoint: Checkpoint, profile: DeviceProfile | None) -> _Job:
    every = [
        Conditions(checkpoint.config, *each.size, target, request.precision, mode=request.mode)
        for each in request.interfaces
    ]
    precision = every[0].on_device[1]
    io = _choose_io(request.io, target, precision)
    planned = tuple(_plan_size(request, checkpoint, conditions, profile) for conditions in every)
    record = None
    if profile:
        record = ProfileRecord(name=profile.name, provenance=planned[0].costs.provenance, basis=planned[0].basis)
    if request.mode is Mode.DYNAMIC:
        _check_inputs(planned[0])
    return _Job(request, target, precision, io, checkpoint, record, planned)


def _plan_size(
    request: ConvertRequest, checkpoint: Checkpoint, conditions: Conditions, profile: DeviceProfile | None
) -> Planned:
    try:
        return plan(checkpoint, request.budgets, conditions, profile)
    except BudgetError as error:
        if len(request.interfaces) == 1:
            raise
        raise BudgetError(f"At {conditions.height}x{conditions.width}: {error}") from error


def _choose_io(asked: TensorIO | None, target: Target, precision: Precision) -> TensorIO:
    facts = target.facts
    if not facts.image_precisions:
        return TensorIO.TENSOR
    if asked is TensorIO.IMAGE and precision not in facts.image_precisions:
        raise UsageError(
            f"io image: {facts.label} returns alpha as a half-float image, whose rounding (2e-4) is more than "
            f"{precision} allows. Use io tensor with {precision}, or precision {facts.default_precision}."
        )
    return asked or facts.default_io(precision)


def choose_interfaces(
    sizes: Sequence[tuple[int, int]],
    inputs: Source,
    outputs: Result,
    band_px: int | None,
    mask_size: tuple[int, int] | None,
) -> tuple[Interface, ...]:
    """Return what graphs of the sizes take and give; see ``choose_ends``."""
    return tuple(Interface(*size, choose_ends(inputs, outputs, band_px, mask_size, *size)) for size in sizes)


def choose_ends(
    inputs: Source, outputs: Result, band_px: int | None, mask_size: tuple[int, int] | None, height: int, width: int
) -> Ends:
    """Return a graph's ends from what a user asks for.

    Args:
        inputs: trimap, mask, or mask and last frame.
        outputs: alpha or cut-out.
        band_px: reach of a mask's unknown band; None takes the default, 2 % of the short side and at least 4 pixels.
        mask_size: height and width of the mask; None takes the image's.
        height: of the image.
        width: of the image.

    Raises:
        UsageError: if band or mask size are given for a trimap, or make no sense.
    """
    if not inputs.is_mask:
        if band_px is not None or mask_size is not None:
            raise UsageError("Expected no band and no mask's size for a graph that takes a trimap. Set inputs to mask.")
        return Ends(inputs, outputs)
    band = default_band_px(height, width) if band_px is None else band_px
    most = min(height, width) // 2
    if not isinstance(band, int) or not 1 <= band <= most:
        raise UsageError(f"Expected a band of 1 to {most} pixels at {height}x{width}; got {band}.")
    if mask_size is not None and not (1 < mask_size[0] <= height and 1 < mask_size[1] <= width):
        raise UsageError(
            f"Expected a mask from 2x2, which can hold an edge, to the image's size, {height}x{width}; got "
            f"{mask_size[0]}x{mask_size[1]}. Give the size of the masks that your app has."
        )
    return Ends(inputs, outputs, band, *(mask_size or (None, None)))


def _check_request(request: ConvertRequest) -> None:
    if request.calibration is not None:
        if request.precision is not Precision.INT8:
            asked = request.precision or "the target's own precision"
            raise UsageError(
                f"Expected calibration pictures for int8 alone, whose features have ranges; got them for {asked}. "
                "Leave them out, or take precision int8."
            )
        folder_pictures(request.calibration)  # which cannot be used is told before any work starts
    for each in request.interfaces:
        check_size(*each.size)
    if request.mode is Mode.PROBE:
        raise UsageError(
            "mode probe: a probe graph is no artifact for apps. `pam-edge profile measure` makes and runs one here, "
            "`pam-edge profile kit` makes one for a device."
        )
    _check_sizes(request)
    if not request.budgets:
        raise UsageError("Expected one budget or more, an entry point each; got none. Give one, such as 80%.")
    if request.io is TensorIO.IMAGE and not any(target.facts.image_precisions for target in request.targets):
        targets = ", ".join(target.facts.label for target in request.targets)
        raise UsageError(f"Expected a target that takes images for io image; {targets} takes tensors. Leave it out.")
    labels = [budget.label for budget in request.budgets]
    if len(set(labels)) != len(labels):
        texts = ", ".join(budget.text for budget in request.budgets)
        raise UsageError(f"Every budget becomes an entry point of its own name; got {texts}. Drop repeats.")
    unnamed = [label for label in labels if not re.fullmatch(NAME_PATTERN, label)]
    if unnamed:
        raise UsageError(
            f"Every budget becomes an entry point, whose name has at most 80 characters; got {unnamed[0]}. Give fewer "
            "digits."
        )


def _check_sizes(request: ConvertRequest) -> None:
    sizes = [each.size for each in request.interfaces]
    listed = ", ".join(f"{height}x{width}" for height, width in sizes)
    if not sizes:
        raise UsageError("Expected one size or more, entry points of its own each; got none. Give one, such as 512.")
    if len(set(sizes)) != len(sizes):
        raise UsageError(f"Every size gets entry points of its own; got {listed}. Drop repeats.")
    if len(sizes) > 1 and request.mode is not Mode.MULTI:
        raise UsageError(
            f"Expected one size in mode {request.mode}; got {listed}. Use mode multi, which puts several into one "
            "file, or convert once for each, into folders of their own."
        )


def _check_writable(out: Path) -> None:
    existing = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise UsageError(f"out {out}: {existing} is not a folder that can be written to. Choose another folder.")


def _make(job: _Job, progress: Progress, delivered: list[Path]) -> Artifact:
    final = job.request.out / job.folder_name
    for each in (one for planned in job.planned for one in planned.plans):
        _log.info("%s: %s takes path %s, %.4g %s", job.target, each.budget, each.path, each.predicted_cost, each.unit)
    with staging(final) as folder:
        progress(job.target, "converting, checking against PyTorch, writing the report")
        payload = {
            "draft": _draft(job).model_dump(mode="json"),
            "checkpoint": job.request.checkpoint,
            "directory": str(folder),
            "calibration": str(job.request.calibration) if job.request.calibration else None,
            "planned": [PlannedRecord(each.plans, each.costs, each.macs).as_json() for each in job.planned],
        }
        result = run_in_worker("pam_edge.delivery.convert_worker:make_artifact", payload)
        deliver(folder, final)
    delivered.append(final)
    return Artifact(final, Manifest.model_validate(result["manifest"]))


def _draft_entry(job: _Job, interface: Interface, plan: Plan, planned: Planned) -> PlannedEntryRecord:
    name = plan.budget.label
    if len(job.request.interfaces) > 1:
        name = f"{name}_{interface.height}x{interface.width}"
    blocks = len(planned.costs) if planned.conditions.chooses else None
    inputs, outputs = contract(job.target, job.io, interface, blocks, planned.costs.unit)
    entry = PlannedEntryRecord(
        name=name,
        height=interface.height,
        width=interface.width,
        ends=ends_record(interface.ends),
        inputs=inputs,
        outputs=outputs,
        budget=str(plan.budget),
        path=str(plan.path),
        function=name,
        budget_input=None,
        predicted_cost=plan.predicted_cost,
        cost_unit=plan.unit,
        cost_provenance=plan.provenance,
        cost_interval=plan.interval,
        gmacs=plan.gmacs,
        objective=plan.objective,
    )
    return _leave_path_to_graph(entry, plan, planned) if planned.conditions.chooses else entry


def _leave_path_to_graph(entry: PlannedEntryRecord, plan: Plan, planned: Planned) -> PlannedEntryRecord:
    """Return the entry point of a dynamic graph: its cost and GMACs are the most that fit the budget."""
    costs = planned.costs
    governor = GovernorCosts.of(costs)
    limit = budget_input(plan.budget, governor, plan.path)
    most = min(limit, governor.full)
    return entry.model_copy(
        update={
            "path": None,
            "function": DYNAMIC_FUNCTION,
            "budget_input": limit,
            "predicted_cost": most,
            "cost_interval": (max(0.0, most - costs.margin), most + costs.margin),
            "gmacs": most_macs(costs, planned.macs, limit),
            "objective": "chosen by the graph for each image",
        }
    )


def _check_inputs(planned: Planned) -> None:
    """Refuse budgets in another unit than the graph's costs, or that the graph cannot keep."""
    unit = planned.costs.unit
    other = [p.budget for p in planned.plans if p.budget.unit is BudgetUnit.GMAC and unit is not CostUnit.GMAC]
    if other:
        raise BudgetError(
            f"A dynamic graph takes its budget in the profile's unit, {unit}; got {other[0]}. Give milliseconds, "
            "percent or a name, or leave the profile out, so that the graph counts GMACs."
        )
    for each in planned.plans:
        budget_input(each.budget, GovernorCosts.of(planned.costs), each.path)


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
    chooses = request.mode is Mode.DYNAMIC
    return Draft(
        checkpoint=_checkpoint_record(job.checkpoint),
        target=job.target,
        mode=request.mode,
        precision=job.precision,
        io=job.io,
        profile=job.profile,
        selection=governor_record(GovernorCosts.of(job.planned[0].costs)) if chooses else None,
        needs=job.target.facts.needs(request.mode, job.precision),
        accelerators=accelerators(job.target, request.mode, job.precision),
        entry_points=tuple(
            _draft_entry(job, interface, plan, planned)
            for interface, planned in zip(request.interfaces, job.planned, strict=True)
            for plan in planned.plans
        ),
        command=request.command,
    )
