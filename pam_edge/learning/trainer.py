"""The training loop: stages in order, checkpointed, resumable to the bit, on one process or many."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.loggers import TensorBoardLogger
from pydantic import ValidationError
from torch import Tensor, nn

from pam_edge.errors import CheckpointError, UsageError
from pam_edge.learning.batches import Batch, BatchPlan, iterate
from pam_edge.learning.calibration import Calibration, usual_paths
from pam_edge.learning.composition import Composer
from pam_edge.learning.config import Phase, StageConfig, StageKind, TrainConfig
from pam_edge.learning.costs import budget_scale
from pam_edge.learning.distributed import agree, average_gradients
from pam_edge.learning.forward import calibrate_norms, disable_connects
from pam_edge.learning.grow import grow
from pam_edge.learning.guard import StepGuard
from pam_edge.learning.library import Library, load_library
from pam_edge.learning.norms import share_norms
from pam_edge.learning.pictures import contact_sheet, write_picture
from pam_edge.learning.prior import Prior, uniform_prior
from pam_edge.learning.progress import Progress
from pam_edge.learning.schedule import MovingAverage, learning_rate_factor, progress
from pam_edge.learning.stages import CompleteStage, GumbelStage, PathStage, Stage, StepResult, WarmUpStage
from pam_edge.learning.state import Position, load_state, save_state
from pam_edge.supernet.checkpoint import TrainingRecord, load_checkpoint, save_checkpoint
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec

STATE_FILE = "state.pt"
PRIOR_FILE = "prior.json"
CALIBRATION_STEPS = 30
_FIRST_NORM_CROP = 1 << 40
"""Number of the first crop that norms are calibrated on: far beyond those that a run trains on."""
_LONGEST_STEP_MINUTES = 0.1
"""A step that takes longer counts as this: a process that was stopped for a while should not lose its schedule."""
_BETAS = (0.9, 0.99)
"""A short memory of squares: runs here are short."""


class Trainer:
    """One run of a recipe in one folder. ``run`` starts it, or goes on where the folder's state file says.

    Attributes:
        position: where the run is.
        supernet: the network in training.
        average: its exponential moving average, which is what gets shipped.
    """

    def __init__(self, config: TrainConfig, folder: Path, fabric: Fabric | None = None) -> None:
        self.config = config
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        world = fabric.world_size if fabric else 1
        if any(phase.batch % world for stage in config.stages for phase in stage.phases):
            raise UsageError(f"Expected every phase's batch to be a multiple of {world}, the number of processes.")
        self.fabric = fabric or Fabric(
            accelerator="cpu", devices=1, precision=config.precision, loggers=TensorBoardLogger(folder / "tensorboard")
        )
        torch.manual_seed(config.seed)
        self.supernet = first_weights(config).to(self.fabric.device)
        self.supernet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.fabric.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            torch.set_float32_matmul_precision("high")
        if not config.use_connect:
            disable_connects(self.supernet)
        self.average = MovingAverage(self.supernet, config.ema_half_life)
        self.teacher = MovingAverage(self.supernet, config.ema_half_life).module
        if config.share_norms and self.fabric.world_size > 1:
            share_norms(self.supernet)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.position = Position()
        self.composer = Composer(self._library(), config.data, config.seed)
        self.calibration = Calibration(self.fabric, self.composer, config.calibration, config.seed)
        self.optimizer: torch.optim.Optimizer | None = None
        self._deadline = math.inf
        if config.compile:
            compile_parts(self.supernet)

    def _library(self) -> Library:
        library = load_library(self.config.data)
        for problem in library.problems:
            self._say(f"left out: {problem}")
        self._say(f"{len(library.foregrounds)} cut-outs, {len(library.backgrounds)} backgrounds")
        return library

    def _say(self, text: str) -> None:
        """Print to stderr, once: stdout is for results."""
        self.fabric.print(text, file=sys.stderr, flush=True)

    def run(self, minutes: float | None = None) -> Path | None:
        """Train all stages that are not done yet, and return the final checkpoint's path.

        Args:
            minutes: stop after so long, with a state from which the same call goes on; None is then returned.
        """
        self._deadline = time.monotonic() + 60 * minutes if minutes else math.inf
        self._resume()
        path = self.folder / f"stage{self.position.stage}.safetensors"
        for index in range(self.position.stage, len(self.config.stages)):
            stage = self.config.stages[index]
            self._run_stage(stage)
            if self._is_late():
                self._save()
                self._say(f"stopped at stage {index + 1}, step {self.position.step}; the same command goes on")
                return None
            path = self._finish_stage(index)
            self.position = Position(stage=index + 1, crops=self.position.crops)
            self.optimizer = None
            self._save()
        return path

    def _finish_stage(self, index: int) -> Path:
        """Export; once random paths are trained, with what the planner and the dynamic graph need to know."""
        kind = self.config.stages[index].kind
        if kind is StageKind.COMPLETE:
            return self.export(f"stage{index + 1}", {}, ())
        assert isinstance(self.average.module, Supernet)
        if kind is StageKind.WARM_UP:
            measured = self.measure_paths(self.average.module)
            if self.fabric.is_global_zero:
                measured.save(self.folder / PRIOR_FILE)
            return self.export(f"stage{index + 1}", measured.path_errors, ())
        gates = self.calibration.observe_gates(self.average.module)
        measured = self.measure_paths(self.average.module, usual_paths(gates))
        return self.export(f"stage{index + 1}", measured.path_errors, gates)

    def export(self, name: str, errors: dict[str, float], gates: tuple[dict[str, float], ...]) -> Path:
        """Write the averaged weights as a checkpoint that the rest of the product loads."""
        path = self.folder / f"{name}.safetensors"
        done = ", ".join(stage.kind.value for stage in self.config.stages[: self.position.stage + 1])
        summary = f"stages {done}; {self.position.crops} crops"
        if self.fabric.is_global_zero:
            assert isinstance(self.average.module, Supernet)
            record = TrainingRecord(trained=True, summary=summary, path_errors=errors, gate_paths=gates)
            save_checkpoint(path, self.average.module, record)
        return path

    def _run_stage(self, config: StageConfig) -> None:
        if self.position.step == 0:
            self._enter_stage(config)
        stage = self._make_stage(config)
        for name, parameter in self.supernet.named_parameters():
            parameter.requires_grad_(self.config.use_connect or ".connect." not in name)
        self.optimizer = self.optimizer or self._make_optimizer(config)
        set_mode(self.supernet, stage.freeze_norms)
        guard = StepGuard(self.supernet, self.fabric)
        meter = Progress(config, self.fabric, self.position, guard, self.config.log_steps)
        while self._used(config) < 1.0 and not self._is_late():
            phase, end = self._phase(config)
            for batch in meter.timed(self._batches(phase, round(end * config.steps))):
                self._step(config, stage, batch, meter, full_precision=phase.full_precision)
                if self._used(config) >= end or self._is_late():
                    break
        guard.check(self.position.step)

    def _used(self, config: StageConfig) -> float:
        """Return how much of the present stage is used up."""
        return progress(config, self.position.step, self.position.elapsed_minutes)

    def _is_late(self) -> bool:
        """Tell whether the time that this call may take is over; all processes say the same."""
        if self._deadline == math.inf:
            return False
        return agree(self.fabric, float(time.monotonic() > self._deadline)) >= 0.5

    def _phase(self, config: StageConfig) -> tuple[Phase, float]:
        """Return the present phase, and the progress at which it ends."""
        used, end = self._used(config), 0.0
        for phase in config.phases:
            end += phase.share
            if used < end - 1e-9:
                return phase, min(end, 1.0)
        return config.phases[-1], 1.0

    def _batches(self, phase: Phase, last_step: int) -> Iterator[Batch]:
        steps = max(1, last_step - self.position.step)
        world, rank = self.fabric.world_size, self.fabric.global_rank
        return self._iterate(BatchPlan(self.position.crops, steps, phase.batch, phase.crop, rank, world))

    def _iterate(self, plan: BatchPlan) -> Iterator[Batch]:
        """Yield a plan's batches where the network is."""
        return iterate(self.composer, plan, self.config.data.workers, self.fabric.device)

    def _enter_stage(self, config: StageConfig) -> None:
        """Start from the averaged weights; before the first stage with random paths, calibrate and keep a teacher.

        Norms are calibrated where a complete network comes before random paths, whether the stage before trained it or
        the run starts from it: training a complete network leaves out the connect layers.
        """
        if self.position.stage == 0:
            phase, calibrated = config.phases[-1], is_calibrated(self.config)
        else:
            previous = self.config.stages[self.position.stage - 1]
            phase, calibrated = previous.phases[-1], previous.kind is not StageKind.COMPLETE
            self.supernet.load_state_dict(self.average.module.state_dict())
        if config.kind is not StageKind.COMPLETE and not calibrated:
            plan = BatchPlan(_FIRST_NORM_CROP, CALIBRATION_STEPS, phase.batch, phase.crop)
            calibrate_norms(self.supernet, self._iterate(plan))
            self.teacher.load_state_dict(self.supernet.state_dict())
        self.average = MovingAverage(self.supernet, self.config.ema_half_life)

    def _make_stage(self, config: StageConfig) -> Stage:
        assert isinstance(self.teacher, Supernet)
        if config.kind is StageKind.COMPLETE:
            return CompleteStage(self.config.losses)
        if config.kind is StageKind.WARM_UP:
            return WarmUpStage(self.config.losses, config, self.teacher)
        scale = budget_scale(self.supernet.config, self.config.profile)
        if config.candidates == 0:
            return GumbelStage(self.config.losses, config, scale)
        prior = uniform_prior(self._prior(), scale) if config.uniform_prior else self._prior()
        return PathStage(self.config.losses, config, self.teacher, prior, scale)

    def _prior(self) -> Prior:
        """Read the prior that belongs to this run, or make it with the averaged weights."""
        path = self.folder / PRIOR_FILE
        if not path.is_file():
            assert isinstance(self.average.module, Supernet)
            prior = self.measure_paths(self.average.module)
            if self.fabric.is_global_zero:
                prior.save(path)
            self.fabric.barrier()
        return Prior.load(path)

    def measure_paths(self, supernet: Supernet, proposed: Sequence[PathSpec] = ()) -> Prior:
        """Measure many paths on calibration images, with all processes together."""
        return self.calibration.measure_paths(supernet, budget_scale(supernet.config, self.config.profile), proposed)

    def _make_optimizer(self, config: StageConfig) -> torch.optim.Optimizer:
        gates = [value for name, value in self.supernet.named_parameters() if _is_gate(name)]
        rest = [value for name, value in self.supernet.named_parameters() if not _is_gate(name)]
        decayed, plain = [p for p in rest if p.ndim > 1], [p for p in rest if p.ndim <= 1]
        rate, gate_rate = config.learning_rate, config.gate_learning_rate or config.learning_rate
        groups = [
            {"params": decayed, "rate": rate, "weight_decay": config.weight_decay},
            {"params": plain, "rate": rate, "weight_decay": 0.0},
            {"params": gates, "rate": gate_rate, "weight_decay": 0.0},
        ]
        # METHOD has RAdam, which is this with a warm-up of its own, and knows no fused form that can leave a step out.
        return torch.optim.AdamW(groups, lr=rate, betas=_BETAS, fused=True)

    def _step(self, config: StageConfig, stage: Stage, batch: Batch, meter: Progress, *, full_precision: bool) -> None:
        assert self.optimizer is not None
        position = self.position
        factor = learning_rate_factor(config, position.step, self._used(config))
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * factor
        meter.guard.remember()
        with nullcontext() if full_precision else self.fabric.autocast():
            result = stage(self.supernet, batch, self.generator)
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(result.loss)
        norm = self._clip()
        skipped = meter.guard.judge(result.loss.detach(), norm)
        self.optimizer.found_inf = skipped.float()  # type: ignore[attr-defined]
        self.optimizer.step()
        self.average.update(self.supernet, position.step, skipped)
        position.step += 1
        position.crops += len(batch) * self.fabric.world_size
        position.elapsed_minutes += agree(self.fabric, min(meter.step_minutes(), _LONGEST_STEP_MINUTES))
        meter.note(result, norm, len(batch) * self.fabric.world_size, factor)
        self._housekeeping(batch, result)

    def _clip(self) -> Tensor:
        average_gradients(self.fabric, self.supernet)
        return nn.utils.clip_grad_norm_(self.supernet.parameters(), self.config.clip_norm)

    def _housekeeping(self, batch: Batch, result: StepResult) -> None:
        step = self.position.step
        if step % self.config.checkpoint_steps == 0:
            self._save()
        if step % self.config.picture_steps == 0 and self.fabric.is_global_zero:
            sheet = contact_sheet(batch, result.alpha)
            write_picture(self.folder / "pictures" / f"stage{self.position.stage + 1}-{step:06d}.png", sheet)

    def _check_same_run(self, stored: str) -> None:
        try:
            old = TrainConfig.model_validate_json(stored)
        except ValidationError as error:
            raise CheckpointError(
                f"{self.folder / STATE_FILE} holds a recipe that this version does not take: {error}. Train in another "
                "folder, or resume with the version that the run was started with."
            ) from error
        if not same_start(old, self.config, self.position):
            raise CheckpointError(
                f"{self.folder} holds a run of another recipe than this one, so it cannot be resumed. Use the recipe "
                "it was started with, or another folder."
            )

    def _needs_teacher(self) -> bool:
        """Tell whether a stage that is not done yet learns from the complete network; a state is smaller without it."""
        left = self.config.stages[self.position.stage :]
        return any(stage.kind is StageKind.WARM_UP or stage.candidates > 0 for stage in left)

    def _save(self) -> None:
        if not self.fabric.is_global_zero:
            return
        position = {name: getattr(self.position, name) for name in Position.__slots__}
        content: dict[str, Any] = {
            "config": self.config.model_dump_json(),
            "position": position,
            "supernet": self.supernet.state_dict(),
            "average": self.average.module.state_dict(),
            "teacher": self.teacher.state_dict() if self._needs_teacher() else None,
            "optimizer": self.optimizer.state_dict() if self.optimizer else None,
            "generator": self.generator.get_state(),
        }
        save_state(self.folder / STATE_FILE, content)

    def _resume(self) -> None:
        path = self.folder / STATE_FILE
        if not path.is_file():
            return
        content = load_state(path)
        self.position = Position(**content["position"])
        self._check_same_run(content["config"])
        self.supernet.load_state_dict(content["supernet"])
        self.average.module.load_state_dict(content["average"])
        if content["teacher"] is not None:
            self.teacher.load_state_dict(content["teacher"])
        self.generator.set_state(content["generator"])
        if content["optimizer"] is not None:
            self.optimizer = self._make_optimizer(self.config.stages[self.position.stage])
            self.optimizer.load_state_dict(content["optimizer"])
        self._say(f"resumed at stage {self.position.stage + 1}, step {self.position.step}")


def first_weights(config: TrainConfig) -> Supernet:
    """Return the network that training starts from: random, the recipe's initial checkpoint, or grown out of it.

    Raises:
        UsageError: if that checkpoint does not fit into the recipe's supernet.
    """
    supernet = Supernet(config.architecture())
    if config.initial is None:
        return supernet
    found = load_checkpoint(config.initial).supernet
    if found.config.architecture_hash() == supernet.config.architecture_hash():
        return found
    grow(found, supernet)
    return supernet


def is_calibrated(config: TrainConfig) -> bool:
    """Tell whether the first weights come with norms for all paths, connect layers included.

    They do where random paths have trained them, which is when a checkpoint has an error table, and where they have not
    grown since.
    """
    if config.initial is None:
        return False
    found = load_checkpoint(config.initial)
    grown = found.config.architecture_hash() != config.architecture().architecture_hash()
    return bool(found.training.path_errors) and not grown


def same_start(old: TrainConfig, new: TrainConfig, position: Position) -> bool:
    """Tell whether a run of one recipe may go on with another.

    Stages not yet begun may differ, and so may where data lies, how often something is written, and what is compiled.
    """
    begun = position.stage + (position.step > 0)

    def started(config: TrainConfig) -> TrainConfig:
        data = config.data.model_copy(update={"root": None, "workers": 0})
        same = {"log_steps": 1, "checkpoint_steps": 1, "picture_steps": 1, "compile": False}
        return config.model_copy(update={"data": data, "stages": config.stages[:begun], **same})

    return started(old) == started(new)


def compile_parts(supernet: Supernet) -> None:
    """Compile the network part by part, in place: which parts run differs from step to step."""
    choices = [supernet.choice(index) for index in range(supernet.block_count)]
    parts = [supernet.stem, *supernet.downs, supernet.pyramid, *supernet.laterals, supernet.refine]
    for part in [*parts, *(branch for choice in choices for branch in (choice.block, choice.connect))]:
        part.compile(dynamic=False)


def _is_gate(name: str) -> bool:
    return ".gate.choice." in name or name.startswith("embedding")


def set_mode(supernet: nn.Module, freeze_norms: bool) -> None:
    """Put the network in training mode; frozen batch norms use and keep their running statistics."""
    supernet.train()
    if freeze_norms:
        for module in supernet.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
