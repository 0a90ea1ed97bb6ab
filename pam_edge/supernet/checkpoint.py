"""Checkpoints: safetensors weights with the configuration and the training record in the header.

A checkpoint is read without trusting it: no pickle, every tensor must be expected, of the right shape and finite.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from pam_edge.errors import CheckpointError
from pam_edge.files import write_whole
from pam_edge.supernet.config import SupernetConfig
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathText
from pam_edge.supernet.variants import VARIANTS
from pam_edge.supernet.weights_file import Shapes, describe, not_whole, parse_json, read_header, read_values

HEADER = "pam-edge"
FORMAT = "pam-edge checkpoint 1"
UNTRAINED_SEED = 2024
UNTRAINED_HEAD_GAIN = 6.0
"""Spreads an initialisation's alphas over much of [0, 1]: parity of nearly constant alphas would prove little."""

_Error = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(gt=0, le=1 + 1e-6)]


class TrainingRecord(BaseModel):
    """What a checkpoint's weights have been through.

    Attributes:
        trained: False for a bare initialisation, whose mattes mean nothing.
        summary: one line for people, such as the stages and crops seen.
        path_errors: expected matting error of paths (text form) on calibration images, for the planner; may be empty.
        gate_paths: for each row of the cost constraint embedding, the paths that the gates choose on calibration images
            with their shares, for the dynamic graph's table from budget to row; empty where gates were not trained.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trained: bool
    summary: str
    path_errors: dict[PathText, _Error] = {}
    gate_paths: tuple[dict[PathText, _Share], ...] = ()

    @model_validator(mode="after")
    def _check(self) -> TrainingRecord:
        if any(not math.isclose(sum(row.values()), 1, abs_tol=1e-6) for row in self.gate_paths if row):
            raise ValueError("the shares of each budget's paths should add up to 1")
        return self


class _Description(BaseModel):
    """The one entry of a file's metadata."""

    model_config = ConfigDict(extra="forbid")

    format: str
    config: SupernetConfig
    training: TrainingRecord


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded checkpoint.

    Attributes:
        reference: the name or path it was asked for by.
        sha256: of the file, or of the serialised weights for an initialisation that has no file.
    """

    reference: str
    sha256: str
    training: TrainingRecord
    supernet: Supernet

    @property
    def config(self) -> SupernetConfig:
        """The supernet's configuration."""
        return self.supernet.config

    @property
    def title(self) -> str:
        """Name for people, with a plain word when the weights are untrained."""
        return self.config.name if self.training.trained else f"{self.config.name} (UNTRAINED)"


def save_checkpoint(path: Path, supernet: Supernet, training: TrainingRecord) -> None:
    """Write a checkpoint, whole or not at all."""
    write_whole(path, _serialise(supernet, training))


def load_checkpoint(reference: str | Path) -> Checkpoint:
    """Load a checkpoint by variant name or file.

    A variant for which no trained weights ship loads as its deterministic initialisation, marked as untrained.

    Raises:
        CheckpointError: if there is no such variant or file, or the file is a pickle, truncated, of another format,
            has missing, unknown, wrongly shaped or wrongly typed tensors, or holds values that are not finite.
    """
    text = str(reference)
    if text in VARIANTS:
        shipped = resources.files("pam_edge.supernet") / "checkpoints" / f"{text}.safetensors"
        return _load_file(Path(str(shipped)), text) if shipped.is_file() else untrained_checkpoint(VARIANTS[text])
    path = Path(text)
    if not _is_file(path):
        raise CheckpointError(
            f"Expected a checkpoint file or one of the names {', '.join(VARIANTS)}; there is no file {text!r}. Check "
            "the path."
        )
    return _load_file(path, text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long for one
        return False


def untrained_checkpoint(config: SupernetConfig, seed: int = UNTRAINED_SEED) -> Checkpoint:
    """Return a deterministic initialisation, for trying the tools before there are trained weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        supernet = Supernet(config).eval()
        with torch.no_grad():
            supernet.head.weight.mul_(UNTRAINED_HEAD_GAIN)
    training = TrainingRecord(trained=False, summary=f"deterministic initialisation, seed {seed}; never trained")
    digest = hashlib.sha256(_serialise(supernet, training)).hexdigest()
    return Checkpoint(config.name, digest, training, supernet)


def _serialise(supernet: Supernet, training: TrainingRecord) -> bytes:
    header = {
        "format": FORMAT,
        "config": supernet.config.model_dump(mode="json"),
        "training": training.model_dump(mode="json"),
    }
    tensors = {name: tensor.detach().contiguous() for name, tensor in _weights(supernet).items()}
    # One entry alone: safetensors writes several in no fixed order, and equal checkpoints should be equal files.
    return save(tensors, {HEADER: json.dumps(header, sort_keys=True)})


def _weights(supernet: Supernet) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint: the state without batch norm's step counters."""
    state: dict[str, Tensor] = supernet.state_dict()
    return {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}


def _load_file(path: Path, reference: str) -> Checkpoint:
    try:
        with path.open("rb") as stream:
            header = read_header(path, stream)
            config, training = _read_metadata(path, header.metadata)
            content = read_values(path, stream, header, _shapes(config))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise not_whole(path, str(error)) from error
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(
                f"{path}: expected numbers; the tensor {name} holds NaN or infinity: training diverged, or the file is "
                "bad. Train from an earlier checkpoint, or copy the file again."
            )
    supernet = Supernet(config).eval()
    supernet.load_state_dict(tensors, strict=False)
    return Checkpoint(reference, hashlib.sha256(content).hexdigest(), training, supernet)


def _shapes(config: SupernetConfig) -> Shapes:
    """Return the tensors of a configuration's checkpoint; none of them is given memory."""
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in _weights(Supernet(config)).items()}


def _read_metadata(path: Path, metadata: dict[str, str]) -> tuple[SupernetConfig, TrainingRecord]:
    try:
        header = parse_json(metadata.get(HEADER, "{}"))
        _check_format(path, header)
        found = _Description.model_validate(header)
    except ValueError as error:
        raise CheckpointError(
            f"{path}: the header's configuration cannot be read: {describe(error)}. Copy the file again, or save it "
            "with pam_edge.supernet.checkpoint.save_checkpoint."
        ) from error
    _check_paths(path, found.config, found.training)
    return found.config, found.training


def _check_format(path: Path, header: Any) -> None:
    found = header.get("format", "none") if isinstance(header, dict) else "none"
    if found != FORMAT:
        raise CheckpointError(
            f"{path}: expected the format {FORMAT!r} in the header, found {str(found)[:80]!r}. Give a checkpoint that "
            "`pam-edge train` or pam_edge.supernet.checkpoint.save_checkpoint wrote, in this version."
        )


def _check_paths(path: Path, config: SupernetConfig, training: TrainingRecord) -> None:
    """Check that the paths whose errors and shares a record tells are the configuration's."""
    rows = training.gate_paths
    lengths = {len(text) for paths in (training.path_errors, *rows) for text in paths}
    if lengths - {config.block_count} or (rows and (len(rows) != config.budget_indices or not all(rows))):
        raise CheckpointError(
            f"{path}: expected the gates' paths for {config.budget_indices} budgets and {config.block_count} blocks; "
            f"found {len(rows)} budgets and paths of lengths {sorted(lengths)}. It was written for "
            "another network: save it with pam_edge.supernet.checkpoint.save_checkpoint."
        )
