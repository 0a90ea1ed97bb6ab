"""Recipes: everything that decides what a training run computes, as a validated TOML file."""

from __future__ import annotations

import math
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pam_edge.errors import UsageError
from pam_edge.files import read_text
from pam_edge.supernet.config import SupernetConfig
from pam_edge.supernet.variants import variant

Share = Annotated[float, Field(ge=0.0, le=1.0)]


def _check_span(span: tuple[float, float]) -> tuple[float, float]:
    """Refuse what cannot be drawn from: values are drawn evenly by their logarithm."""
    if not 0 < span[0] <= span[1] < math.inf:
        raise ValueError(f"must be (from, to), both positive and the lower first, got {span}")
    return span


Span = Annotated[tuple[float, float], AfterValidator(_check_span)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StageKind(StrEnum):
    """The three stages of the method."""

    COMPLETE = "complete"
    WARM_UP = "warm-up"
    PATHS = "paths"


class DataConfig(_Section):
    """What to train on, and how hard.

    Attributes:
        root: folder holding ``cutouts`` and ``backgrounds``, or packs of them (``pam-edge data pack``); None takes the
            one that ``PAM_EDGE_DATA`` names.
        source_weights: relative weight of each sub-folder of ``cutouts``; one not named weighs ``default_weight``.
        held_out: share of cut-outs, chosen by a hash of their name, that training never sees.
        held_out_names: patterns of more names that training never sees, such as ``*_long01_*``.
        scored: sources, of cut-outs and of backgrounds, that held-out composites are made of; none means all.
        scale: range of the factor between source and crop pixels.
        trimap_radius: range of the unknown region's reach in crop pixels.
        degraded_masks: share of crops whose trimap is a band around a coarse mask, wrong in places, as
            phones give them.
        one_sided: share of crops in which no foreground, or no background, is known.
        evaluation_radius_share: share of crops whose trimap has the radius that scores are measured with, 10.
        two_foregrounds: share of crops with a second cut-out over the first.
        flat_background: share of crops over a smooth synthetic background.
        clutter: share of crops with a cut-out in the background, which is not to be cut out.
        matched_background: share of crops whose background has the subject's colours.
        motion_blur: share of crops in which the subject moved.
        linear_light: share of crops composed as light is, and not as stored values are.
        sharpened: share of crops sharpened, as cameras do.
        compressed: share of crops compressed as JPEG files are, mostly with chroma at half the resolution.
        workers: processes that compose crops.
    """

    root: Path | None = None
    source_weights: dict[str, float] = {}
    default_weight: float = Field(default=1.0, ge=0)
    held_out: Share = 0.08
    held_out_names: tuple[str, ...] = ()
    scored: tuple[str, ...] = ()
    scale: Span = (0.5, 1.6)
    trimap_radius: Span = (2.0, 60.0)
    degraded_masks: Share = 0.15
    one_sided: Share = 0.06
    evaluation_radius_share: Share = 0.25
    two_foregrounds: Share = 0.1
    flat_background: Share = 0.1
    clutter: Share = 0.1
    matched_background: Share = 0.15
    motion_blur: Share = 0.06
    linear_light: Share = 0.25
    sharpened: Share = 0.25
    compressed: Share = 0.3
    workers: int = Field(default=2, ge=0)


class LossConfig(_Section):
    """Coefficients of the losses (METHOD, eq. 9 to 12).

    Attributes:
        l1: weight of the L1 error of alpha.
        composition: weight of the L1 error of the composition.
        laplacian: weight of the Laplacian pyramid loss.
        distillation: weight of the distillation loss.
        path: weight of the path loss.
        epsilon: smoothing of the distillation loss.
    """

    l1: float = 1.0
    composition: float = 1.0
    laplacian: float = 1.0
    distillation: float = 1.0
    path: float = 0.1
    epsilon: float = 1e-6


class Phase(_Section):
    """Part of a stage with one crop size.

    Attributes:
        share: of the stage's steps.
        crop: side of a square crop in pixels, a multiple of 32.
        batch: crops per step, over all processes.
        full_precision: compute in float32 although the recipe's precision is mixed: bfloat16 keeps 8 bits of an alpha,
            which is too few for the last steps.
    """

    share: Share
    crop: int = Field(multiple_of=32, gt=0)
    batch: int = Field(ge=1)
    full_precision: bool = False


class StageConfig(_Section):
    """One stage of training.

    Attributes:
        kind: which of the three.
        steps: optimizer steps.
        minutes: optional limit: the schedule anneals by whichever of steps and minutes is used up first. A run limited
            by minutes is not repeatable to the bit; leave it out where that matters.
        learning_rate: at the start; cosine annealing takes it to zero.
        gate_learning_rate: of the path selection layers; None means the same.
        weight_decay: decoupled.
        warm_up_steps: linear rise at the start.
        phases: crop sizes in order; shares sum to one.
        keep: range of the probability that a block runs, drawn for each step of a warm-up.
        full_share: share of warm-up steps along the full path.
        budgets: between which places path learning draws its budgets, on the scale from the shortest path's cost (0) to
            the full path's (1). METHOD draws from the whole scale; what an app asks for lies in its upper half.
        candidates: K, paths drawn from the prior per label; 0: Gumbel noise alone, without labels.
        temperature: of the Gumbel noise.
        uniform_prior: ablation: draw candidates uniformly among paths just under the budget.
    """

    kind: StageKind
    steps: int = Field(ge=1)
    minutes: float | None = Field(default=None, gt=0)
    learning_rate: float = Field(gt=0)
    gate_learning_rate: float | None = Field(default=None, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    warm_up_steps: int = Field(default=100, ge=0)
    phases: tuple[Phase, ...]
    keep: tuple[Share, Share] = (0.3, 1.0)
    full_share: Share = 0.15
    budgets: tuple[Share, Share] = (0.0, 1.0)
    candidates: int = Field(default=3, ge=0)
    temperature: float = Field(default=1.0, gt=0)
    uniform_prior: bool = False

    @model_validator(mode="after")
    def _check(self) -> StageConfig:
        total = sum(phase.share for phase in self.phases)
        if not self.phases or abs(total - 1.0) > 1e-6:
            raise ValueError(f"the shares of a stage's phases must sum to 1, got {total:g}")
        if self.budgets[0] > self.budgets[1]:
            raise ValueError(f"budgets must be (from, to), the lower first, got {self.budgets}")
        return self


class CalibrationConfig(_Section):
    """How the prior of optimal paths and the error table are measured.

    Attributes:
        images: calibration crops on which the paths that are kept are measured.
        crop: their side in pixels.
        sampled_per_budget: paths sampled just under each row's budget.
        screening_images: other crops, on which all sampled paths are compared first.
        paths_per_budget: paths kept for each row's budget, those of least error.
    """

    images: int = Field(default=24, ge=1)
    crop: int = Field(default=192, multiple_of=32, gt=0)
    sampled_per_budget: int = Field(default=12, ge=1)
    screening_images: int = Field(default=12, ge=1)
    paths_per_budget: int = Field(default=4, ge=1)


class TrainConfig(_Section):
    """A whole recipe.

    Attributes:
        variant: name of the supernet.
        supernet: a configuration of one's own, instead of a named variant.
        initial: checkpoint, by name or file, whose weights training starts from; one of a smaller supernet is grown
            into this one. None starts from random weights.
        seed: of everything random.
        profile: device profile, by name or file, whose milliseconds budgets are counted in; None counts MACs.
        clip_norm: gradients are scaled down to this norm.
        ema_half_life: steps after which a weight counts half in the exponential moving average.
        checkpoint_steps: steps between training-state files.
        log_steps: steps between lines of progress.
        picture_steps: steps between diagnostic pictures.
        use_connect: ablation: False makes every bypass an identity, for good.
        share_norms: several processes share batch norm's statistics, so that they train exactly as one process with
            the whole batch would; without, each normalises its own part, which saves some 80 messages a step.
        precision: of Lightning Fabric, such as ``32-true`` or ``bf16-mixed``.
        compile: compile the network's parts with torch.compile: minutes at first, less for each step on a GPU.
    """

    variant: str
    supernet: SupernetConfig | None = None
    initial: str | None = None
    seed: int = 1
    profile: str | None = None
    clip_norm: float = Field(default=1.0, gt=0)
    ema_half_life: float = Field(default=200.0, gt=0)
    checkpoint_steps: int = Field(default=250, ge=1)
    log_steps: int = Field(default=25, ge=1)
    picture_steps: int = Field(default=500, ge=1)
    use_connect: bool = True
    share_norms: bool = True
    precision: str = "32-true"
    compile: bool = False
    data: DataConfig = DataConfig()
    losses: LossConfig = LossConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    stages: tuple[StageConfig, ...] = Field(min_length=1)

    def architecture(self) -> SupernetConfig:
        """Return the supernet's configuration."""
        return self.supernet or variant(self.variant)


def load_recipe(path: Path) -> TrainConfig:
    """Read a recipe.

    Raises:
        UsageError: if the file is missing, is no TOML, or has unknown or wrong keys.
    """
    text = read_text(path, "a training recipe (TOML)")
    try:
        return TrainConfig.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise UsageError(f"{path} is not a valid training recipe: {error}") from error


def with_data(config: TrainConfig, root: Path | None) -> TrainConfig:
    """Return the recipe with another data folder, if one is given."""
    if root is None:
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"root": root})})


def data_settings(recipe: Path | None, root: Path | None) -> DataConfig:
    """Return the data settings of a recipe, or the defaults; ``root`` overrides the folder."""
    data = load_recipe(recipe).data if recipe else DataConfig()
    return data.model_copy(update={"root": root}) if root else data
