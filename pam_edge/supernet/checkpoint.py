"""Checkpoints: safetensors weights with the configuration and the training record in the header.

A checkpoint is read without trusting it: no pickle, every tensor must be expected, of the right shape and finite.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from pam_edge.errors import CheckpointError
from pam_edge.files import write_whole
from pam_edge.supernet.config import SupernetConfig
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.variants import VARIANTS

HEADER = "pam-edge"
FORMAT = "pam-edge checkpoint 1"
UNTRAINED_SEED = 2024
UNTRAINED_HEAD_GAIN = 6.0
"""Spreads an initialisation's alphas over much of [0, 1]: parity of nearly constant alphas would prove little."""

_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


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
    path_errors: dict[str, float] = {}
    gate_paths: tuple[dict[str, float], ...] = ()


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
    if not path.is_file():
        raise CheckpointError(
            f"Expected a checkpoint file or one of the names {', '.join(VARIANTS)}; {text!r} is neither."
        )
    return _load_file(path, text)


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
    data = path.read_bytes()
    if data.startswith(_PICKLE_STARTS):
        raise CheckpointError(
            f"{path} is a pickle (torch.save), which can run code when it is read. Expected safetensors: convert it "
            "where you trust it, with pam_edge.supernet.checkpoint.save_checkpoint."
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is not a whole safetensors file ({error}). It may be truncated or of another kind: copy it again."
        ) from error
    config, training = _read_metadata(path, metadata)
    supernet = Supernet(config).eval()
    _check_tensors(path, _weights(supernet), tensors)
    supernet.load_state_dict(tensors, strict=False)
    return Checkpoint(reference, hashlib.sha256(data).hexdigest(), training, supernet)


def _read_metadata(path: Path, metadata: dict[str, str]) -> tuple[SupernetConfig, TrainingRecord]:
    try:
        header = json.loads(metadata.get(HEADER, "{}"))
        found = header.get("format", "none")
        if found != FORMAT:
            raise CheckpointError(f"{path}: expected the format {FORMAT!r} in the header, found {found!r}.")
        config = SupernetConfig.model_validate(header["config"])
        training = TrainingRecord.model_validate(header["training"])
    except (KeyError, AttributeError, json.JSONDecodeError, ValidationError) as error:
        raise CheckpointError(f"{path}: the header's configuration cannot be read: {error}") from error
    _check_gate_paths(path, config, training)
    return config, training


def _check_gate_paths(path: Path, config: SupernetConfig, training: TrainingRecord) -> None:
    rows = training.gate_paths
    lengths = {len(text) for row in rows for text in row}
    if rows and (len(rows) != config.budget_indices or lengths != {config.block_count} or not all(rows)):
        raise CheckpointError(
            f"{path}: expected the gates' paths for {config.budget_indices} budgets and {config.block_count} blocks; "
            f"found {len(rows)} budgets and paths of lengths {sorted(lengths)}. It was written for another network."
        )


def _check_tensors(path: Path, expected: dict[str, Tensor], found: dict[str, Tensor]) -> None:
    missing, unknown = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    if missing or unknown:
        raise CheckpointError(
            f"{path} does not hold the tensors of its configuration: {len(missing)} missing {missing[:3]}, "
            f"{len(unknown)} unknown {unknown[:3]}. It was written for another network."
        )
    for name, tensor in found.items():
        want = expected[name]
        if tensor.shape != want.shape or tensor.dtype != want.dtype:
            raise CheckpointError(
                f"{path}: tensor {name} should be {want.dtype} {list(want.shape)}, found {tensor.dtype} "
                f"{list(tensor.shape)}."
            )
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{path}: tensor {name} holds NaN or infinity; training diverged or the file is bad.")
