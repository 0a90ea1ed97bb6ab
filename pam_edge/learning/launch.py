"""Start training and path measurement on one process or many; what the command line calls."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from lightning.fabric import Fabric
from lightning.fabric.loggers import TensorBoardLogger

from pam_edge.evaluation.datasets import Case
from pam_edge.evaluation.evaluate import Evaluation, Method, evaluate_cases, merge
from pam_edge.learning.calibration import Calibration
from pam_edge.learning.composition import Composer
from pam_edge.learning.config import CalibrationConfig, DataConfig, TrainConfig
from pam_edge.learning.costs import budget_scale
from pam_edge.learning.library import load_library
from pam_edge.learning.prior import Prior
from pam_edge.learning.trainer import Trainer
from pam_edge.supernet.checkpoint import load_checkpoint


def make_fabric(devices: int, precision: str = "32-true", logs: Path | None = None) -> Fabric:
    """Start processes: as many as asked here, or those that torchrun has started (then ``devices`` is per machine)."""
    machines = int(os.environ.get("GROUP_WORLD_SIZE", "1"))
    accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    several = devices * machines > 1 or "TORCHELASTIC_RUN_ID" in os.environ
    local = int(os.environ.get("LOCAL_WORLD_SIZE", devices))
    fabric = Fabric(
        accelerator=accelerator,
        devices=local,
        num_nodes=machines,
        strategy="ddp" if several else "auto",
        precision=precision,
        loggers=TensorBoardLogger(logs) if logs else [],
    )
    fabric.launch()
    return fabric


def _dismiss_others(fabric: Fabric) -> None:
    """End all processes but the first: what comes next is to be written and printed once."""
    if not fabric.is_global_zero:
        raise SystemExit(0)


def train_recipe(config: TrainConfig, folder: Path, devices: int = 1, minutes: float | None = None) -> Path | None:
    """Train a recipe in a folder, or resume there, and return the final checkpoint.

    Args:
        config: the recipe.
        folder: of the run.
        devices: processes on this machine.
        minutes: stop after so long, with a state to resume from; None is then returned.
    """
    fabric = make_fabric(devices, config.precision, folder / "tensorboard")
    checkpoint = Trainer(config, folder, fabric).run(minutes)
    _dismiss_others(fabric)
    return checkpoint


def measure_prior(reference: str, data: DataConfig, settings: CalibrationConfig, devices: int) -> Prior:
    """Measure the paths of a checkpoint on composites of the training split and return the prior."""
    fabric = make_fabric(devices)
    supernet = load_checkpoint(reference).supernet.to(fabric.device)
    calibration = Calibration(fabric, Composer(load_library(data), data, seed=1), settings, seed=1)
    prior = calibration.measure_paths(supernet, budget_scale(supernet.config))
    _dismiss_others(fabric)
    return prior


def evaluate_with(cases: Sequence[Case], methods: Mapping[str, Method], devices: int) -> Evaluation:
    """Score with several processes; the result is that of one."""
    fabric = make_fabric(devices)
    if fabric.world_size == 1:
        return evaluate_cases(cases, methods)
    part = evaluate_cases(cases, methods, (fabric.global_rank, fabric.world_size))
    parts: list[Evaluation | None] = [None] * fabric.world_size
    torch.distributed.all_gather_object(parts, part)
    _dismiss_others(fabric)
    return merge([item for item in parts if item is not None])
