"""The manifest: everything that can be known about an artifact folder without running it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pam_edge.errors import ArtifactError
from pam_edge.targets import Target
from pam_edge.terms import CostUnit, Mode, Precision, Provenance, TensorIO

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CheckpointRecord(_Record):
    """Which weights an artifact holds."""

    reference: str
    sha256: str
    variant: str
    architecture_hash: str
    trained: bool
    summary: str


class ProfileRecord(_Record):
    """Which device's costs planned the paths, the word for how they are known, and a line on what they hold for."""

    name: str
    provenance: Provenance
    basis: str = ""


class EntryPointRecord(_Record):
    """One entry point: budget, path, cost and file.

    Attributes:
        path: None where the graph picks it per image.
        function: what the file calls it; one function serves all budgets of a dynamic graph.
        budget_input: what a dynamic graph takes as ``budget`` here, in ``cost_unit``; None in the other modes.
        predicted_cost: in ``cost_unit``, of provenance ``cost_provenance``; of a dynamic graph the most that it can
            predict within the budget.
        cost_interval: bounds that hold together with 90 %; equal where no uncertainty is known.
        gmacs: of the path at the artifact's size; of a dynamic graph the most within the budget.
        sha256: of the file; of a package folder, over names and contents of its files in order.
    """

    name: str
    budget: str
    path: str | None
    function: str
    budget_input: float | None
    predicted_cost: float
    cost_unit: CostUnit
    cost_provenance: Provenance
    cost_interval: tuple[float, float]
    gmacs: float
    objective: str
    file: str
    sha256: str
    bytes: int


class SelectionRecord(_Record):
    """How a dynamic graph picks its path: constants that are in the graph, in the unit of its budget.

    Attributes:
        unit: of budget and costs.
        fixed: cost of everything outside the choices.
        run: cost of each block.
        bypass: cost of each connect layer.
        margin: what a predicted cost may be short of, 95 %: an app that promises milliseconds takes it off the budget
            that it hands to the graph.
        thresholds: the last row of the cost constraint embedding whose threshold a budget reaches is the one it gets.
    """

    unit: CostUnit
    fixed: float
    run: tuple[float, ...]
    bypass: tuple[float, ...]
    margin: float = 0.0
    thresholds: tuple[float, ...]


class AcceleratorRecord(_Record):
    """Whether the file suits an accelerator, and why."""

    accelerator: str
    suits: bool
    why: str


class TensorRecord(_Record):
    """One input or output as the app sees it."""

    name: str
    type: str
    shape: tuple[int, ...]
    layout: str
    meaning: str


class ParityRecord(_Record):
    """Parity of one entry point in one runtime.

    Attributes:
        passed: None when it was not run; ``reason`` then says why.
        runtime: name of the runtime, such as ``litert``; for outputs of a device, ``device``.
        path_mismatches: pictures on which a dynamic graph took another path than the reference, no gate being
            undecided; of a fixed path, 1 if it is nearer to another entry point's.
        path_ties: pictures on which it did, where a gate's margin was within the precision's noise.
        costs_over_budget: pictures whose predicted cost was over the budget, or not the cost of the path taken.
        max_abs_between_runtimes: largest difference of alpha from the entry point's first runtime, where several ran.
        first_diverging_operation: kind and name, where the runtime shows operations.
        divergence: what is wrong there, with the numbers that say so.
    """

    entry_point: str
    passed: bool | None
    runtime: str
    ran_on: str
    proves: str
    images: int
    max_abs_error: float | None
    rms_error_unknown: float | None
    sad_change: float | None
    path_mismatches: int
    path_ties: int = 0
    costs_over_budget: int = 0
    worst_picture: str | None
    first_diverging_block: str | None = None
    first_diverging_operation: str | None = None
    divergence: str | None = None
    max_abs_between_runtimes: float | None = None
    reason: str | None


class GoldenPathRecord(_Record):
    """The path expected of a dynamic graph.

    Attributes:
        file: in ``golden/``: the output ``path`` as raw little-endian float32.
        margins: per block, by how much its gate prefers to run; None where the governor allowed nothing but bypass.
    """

    file: str
    margins: tuple[float | None, ...]


class GoldenRecord(_Record):
    """One golden vector: files in ``golden/``, and the alphas and chosen paths expected of each entry point."""

    picture: str
    image: str
    trimap: str
    alphas: dict[str, str]
    paths: dict[str, GoldenPathRecord] = {}


class Manifest(_Record):
    """Contents of ``manifest.json``."""

    schema_version: Literal[1] = 1
    checkpoint: CheckpointRecord
    target: Target
    mode: Mode
    precision: Precision
    io: TensorIO
    height: int
    width: int
    profile: ProfileRecord | None
    selection: SelectionRecord | None
    accelerators: tuple[AcceleratorRecord, ...]
    entry_points: tuple[EntryPointRecord, ...]
    inputs: tuple[TensorRecord, ...]
    outputs: tuple[TensorRecord, ...]
    parity: tuple[ParityRecord, ...]
    golden: tuple[GoldenRecord, ...]
    tool_versions: dict[str, str]
    command: str

    @property
    def verified(self) -> bool:
        """Whether every entry point's parity was run and passed."""
        return bool(self.parity) and all(record.passed is True for record in self.parity)


def read_manifest(directory: Path) -> Manifest:
    """Read an artifact folder's manifest.

    Raises:
        ArtifactError: if the folder or manifest is missing, damaged or of another schema.
    """
    file = directory / MANIFEST
    if not file.is_file():
        raise ArtifactError(f"Expected an artifact folder with {MANIFEST}; {directory} has none.")
    try:
        return Manifest.model_validate_json(file.read_text())
    except (ValidationError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{file} is damaged or of another schema than {SCHEMA_VERSION}: {error}") from error


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder over the names and contents of its files in sorted order."""
    digest = hashlib.sha256()
    if path.is_file():
        digest.update(path.read_bytes())
        return digest.hexdigest()
    for file in _files(path):
        data = file.read_bytes()
        digest.update(f"{file.relative_to(path).as_posix()}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def is_unchanged(directory: Path, entry: EntryPointRecord) -> bool:
    """Return whether an entry point's file is, bit for bit, what was made."""
    return content_hash(directory / entry.file) == entry.sha256


def check_unchanged(directory: Path, entry: EntryPointRecord) -> None:
    """Check an entry point's file before native code loads it in this process, which a damaged one can end.

    Raises:
        ArtifactError: if it is there, and is not what was made.
    """
    file = directory / entry.file
    if file.exists() and not is_unchanged(directory, entry):
        raise ArtifactError(
            f"Expected {file} as it was made; it was changed or damaged since: its SHA-256 is not the manifest's. Copy "
            "the folder again, or convert again."
        )


def content_bytes(path: Path) -> int:
    """Return the size of a file, or of all files in a folder, in bytes."""
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in _files(path))


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())
