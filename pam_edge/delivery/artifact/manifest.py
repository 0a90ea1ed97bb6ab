"""The manifest: everything that can be known about an artifact folder without running it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pam_edge.delivery.artifact.content import RelativePath
from pam_edge.errors import ArtifactError
from pam_edge.names import Name
from pam_edge.runtimes.base import TensorNames
from pam_edge.supernet.config import MOST_BLOCKS
from pam_edge.supernet.path import PathText
from pam_edge.supernet.sizes import LARGEST, MULTIPLE
from pam_edge.supernet.weights_file import describe, parse_json
from pam_edge.targets import Target
from pam_edge.terms import PREVIOUS, CostUnit, Mode, Platform, Precision, Provenance, Result, Source, TensorIO

MANIFEST = "manifest.json"
SCHEMA_VERSION = 2

_FOLDERS_NAMED = 3
_LARGEST_BYTES = 4 * 2**20
"""A manifest is some tens of thousands of bytes long."""


Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Cost = Annotated[float, Field(ge=0, le=1e12)]
Side = Annotated[int, Field(gt=0, le=LARGEST, multiple_of=MULTIPLE)]
MaskSide = Annotated[int, Field(gt=0, le=LARGEST)]
Place = Annotated[str, Field(pattern="^[a-z0-9._]{1,80}$")]
Score = Annotated[float, Field(ge=0)]
Bound = Annotated[float, Field(ge=-1e6, le=1e6)]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CheckpointRecord(_Record):
    """Which weights an artifact holds."""

    reference: str
    sha256: Sha256
    variant: Name
    architecture_hash: Annotated[str, Field(pattern="^[0-9a-f]{12}$")]
    trained: bool
    summary: str


class ProfileRecord(_Record):
    """Which device's costs planned the paths, the word for how they are known, and a line on what they hold for."""

    name: Name
    provenance: Provenance
    basis: str = ""


class EndsRecord(_Record):
    """What the graph takes beside the image, and what it gives; see ``graphs.ends.Ends``."""

    source: Source = Source.TRIMAP
    result: Result = Result.ALPHA
    band_px: Annotated[int, Field(ge=0, le=LARGEST)] = 0
    mask_height: MaskSide | None = None
    mask_width: MaskSide | None = None


class TensorRecord(_Record):
    """One input or output as the app sees it."""

    name: str
    type: str
    shape: tuple[int, ...]
    layout: str
    meaning: str


class PlannedEntryRecord(_Record):
    """One entry point as it is planned: what goes in and out, budget, path and cost.

    Attributes:
        height: of the image.
        width: likewise.
        ends: what the graph takes beside the image, and gives.
        inputs: in the file's order.
        outputs: likewise.
        path: None where the graph picks it per image.
        function: what the file calls it; one function serves all budgets of a dynamic graph.
        budget_input: what a dynamic graph takes as ``budget`` here, in ``cost_unit``; None in the other modes.
        predicted_cost: in ``cost_unit``, of provenance ``cost_provenance``; of a dynamic graph the most that it can
            predict within the budget.
        cost_interval: bounds that hold together with 90 %; equal where no uncertainty is known.
        gmacs: of the path at its size; of a dynamic graph the most within the budget.
    """

    name: Name
    height: Side
    width: Side
    ends: EndsRecord = EndsRecord()
    inputs: tuple[TensorRecord, ...] = Field(min_length=2)
    outputs: tuple[TensorRecord, ...] = Field(min_length=1)
    budget: str
    path: PathText | None
    function: Name
    budget_input: Cost | None
    predicted_cost: Cost
    cost_unit: CostUnit
    cost_provenance: Provenance
    cost_interval: tuple[Cost, Cost]
    gmacs: Cost
    objective: str

    @property
    def tensor_names(self) -> TensorNames:
        """What it takes and gives."""
        return TensorNames(tuple(each.name for each in self.inputs), tuple(each.name for each in self.outputs))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image."""
        return self.height, self.width

    @model_validator(mode="after")
    def _check_shapes(self) -> PlannedEntryRecord:
        whole, mask = self.size, (self.ends.mask_height or self.height, self.ends.mask_width or self.width)
        pictures = {"image": whole, "trimap": whole, "mask": mask, PREVIOUS: whole, "alpha": whole, "foreground": whole}
        for each in (*self.inputs, *self.outputs):
            size = pictures.get(each.name)
            if size and size not in pairwise(each.shape):
                raise ValueError(f"{self.name}: {each.name} is expected to be {size[0]}x{size[1]}; got {each.shape}")
        return self


class EntryPointRecord(PlannedEntryRecord):
    """One entry point with its file.

    Attributes:
        file: or package folder, in the artifact folder.
        sha256: of the file; of a package folder, over names and contents of its files in order.
        bytes: of the file, or of all files of the package.
    """

    file: RelativePath
    sha256: Sha256
    bytes: Count


class GovernorRecord(_Record):
    """What a dynamic graph charges for its path: constants that are in the graph, in the unit of its budget.

    Attributes:
        unit: of budget and costs.
        fixed: cost of everything outside the choices.
        run: cost of each block.
        bypass: cost of each connect layer.
        margin: what a predicted cost may be short of, 95 %: an app that promises milliseconds takes it off the budget
            that it hands to the graph.
    """

    unit: CostUnit
    fixed: Cost
    run: tuple[Cost, ...] = Field(min_length=1, max_length=MOST_BLOCKS)
    bypass: tuple[Cost, ...] = Field(min_length=1, max_length=MOST_BLOCKS)
    margin: Cost = 0.0

    @model_validator(mode="after")
    def _check(self) -> GovernorRecord:
        if len(self.run) != len(self.bypass):
            raise ValueError(f"{len(self.run)} blocks cost something when run, {len(self.bypass)} when bypassed")
        return self


class SelectionRecord(GovernorRecord):
    """How a dynamic graph picks its path.

    Attributes:
        thresholds: the last row of the cost constraint embedding whose threshold a budget reaches is the one it gets.
    """

    thresholds: tuple[Cost, ...] = Field(min_length=1)


class AcceleratorRecord(_Record):
    """Whether the file suits an accelerator, and why."""

    accelerator: str
    suits: bool
    why: str


class QualityRecord(_Record):
    """How a path's mattes compare with the float network's, against true alphas; see ``quantisation.quality``."""

    path: PathText
    height: Side
    width: Side
    pictures: Count
    sad_float: Score
    sad: Score
    mse_float: Score
    mse: Score
    worst_picture: str
    worst_change: Annotated[float, Field(ge=-1)]


class ParityRecord(_Record):
    """Parity of one entry point in one runtime.

    Attributes:
        passed: None when it was not run; ``reason`` then says why.
        runtime: name of the runtime, such as ``litert``; for outputs of a device, ``device``.
        images: that were run.
        max_abs_error: largest difference of alpha anywhere, 0 to 1; this and the two below are None where nothing was
            compared or an output is not a number, and ``reason`` says which.
        foreground_max_abs_error: of a cut-out: largest difference of alpha * foreground, 0 to 1 in each channel.
        foreground_rms_error_unknown: its root mean square over the unknown region.
        path_mismatches: pictures on which a dynamic graph took another path than the reference, no gate being
            undecided; of a fixed path, 1 if it is nearer to another entry point's.
        path_ties: pictures on which it did, where a gate's margin was within the precision's noise.
        costs_over_budget: pictures whose predicted cost was over the budget, or not the cost of the path taken.
        max_abs_between_runtimes: largest difference of alpha from the entry point's first runtime, where several ran.
        first_diverging_operation: kind and name, where the runtime shows operations.
        divergence: what is wrong there, with the numbers that say so.
    """

    entry_point: Name
    passed: bool | None
    runtime: str
    ran_on: str
    proves: str
    images: Count
    max_abs_error: float | None = None
    rms_error_unknown: float | None = None
    sad_change: float | None = None
    foreground_max_abs_error: float | None = None
    foreground_rms_error_unknown: float | None = None
    path_mismatches: Count
    path_ties: Count = 0
    costs_over_budget: Count = 0
    worst_picture: str | None = None
    first_diverging_block: str | None = None
    first_diverging_operation: str | None = None
    divergence: str | None = None
    max_abs_between_runtimes: float | None = None
    quality: tuple[QualityRecord, ...] = ()
    reason: str | None = None


class GoldenPathRecord(_Record):
    """The path expected of a dynamic graph.

    Attributes:
        file: in ``golden/``: the output ``path`` as raw little-endian float32.
        margins: per block, by how much its gate prefers to run; None where the governor allowed nothing but bypass.
    """

    file: RelativePath
    margins: tuple[float | None, ...]


class GoldenRecord(_Record):
    """One golden vector: files in ``golden/``, and what is expected of each entry point of its size.

    Attributes:
        height: of the picture.
        width: likewise.
        trimap: to judge by, and the input of graphs that take no mask.
        mask: the input of those that do.
        previous: input of live graphs: raw little-endian float32, height x width; None of a first frame.
        previous_path: likewise of those that choose, one bit per block.
        foregrounds: of cut-outs: raw little-endian float32, height x width x 3.
    """

    picture: str
    height: Side
    width: Side
    image: RelativePath
    trimap: RelativePath
    mask: RelativePath | None = None
    previous: RelativePath | None = None
    previous_path: PathText | None = None
    alphas: dict[Name, RelativePath]
    foregrounds: dict[Name, RelativePath] = {}
    paths: dict[Name, GoldenPathRecord] = {}


class CalibrationRecord(_Record):
    """A picture that ranges of features were found on, and the SHA-256 of its pixels and trimap at its own size."""

    picture: str
    sha256: Sha256


class QuantisationRecord(_Record):
    """What of an artifact is quantised, on which grids, and whether its mattes are good enough.

    Attributes:
        float_parts: of the network, with the RMS of alpha's change in the unknown region where each alone is quantised;
            None for the last layer, which always stays float.
        ranges: of features by site, lowest and highest; empty where only weights are quantised.
        calibration: pictures that the ranges were found on.
        quality: of each path that was planned.
    """

    float_parts: dict[Place, Score | None]
    ranges: dict[Place, tuple[Bound, Bound]]
    calibration: tuple[CalibrationRecord, ...]
    quality: tuple[QualityRecord, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> QuantisationRecord:
        if any(low > high for low, high in self.ranges.values()):
            raise ValueError("ranges are expected to have their lower end first")
        return self


class Draft(_Record):
    """What is known of an artifact before it is made."""

    schema_version: Literal[2] = 2
    checkpoint: CheckpointRecord
    target: Target
    mode: Mode
    precision: Precision
    io: TensorIO
    profile: ProfileRecord | None
    selection: GovernorRecord | None
    needs: dict[Platform, str] = {}
    accelerators: tuple[AcceleratorRecord, ...]
    entry_points: tuple[PlannedEntryRecord, ...] = Field(min_length=1)
    command: str

    @property
    def block_count(self) -> int:
        """Number of choice blocks of the network that the artifact was made from."""
        return len(self.selection.run if self.selection else self.entry_points[0].path or "")

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Heights and widths of the images that its entry points take."""
        return tuple(dict.fromkeys(entry.size for entry in self.entry_points))

    @model_validator(mode="after")
    def _check(self) -> Draft:
        names = [entry.name for entry in self.entry_points]
        if len(set(names)) != len(names):
            raise ValueError(f"entry points are expected to differ in name; got {', '.join(names)}")
        if self.mode is Mode.PROBE or (self.mode is Mode.DYNAMIC) != (self.selection is not None):
            raise ValueError(f"mode {self.mode}: dynamic graphs, and they alone, state how they select their path")
        for entry in self.entry_points:
            stated = entry.path if self.selection is None else entry.budget_input
            if stated is None or None not in (entry.path, entry.budget_input):
                raise ValueError(f"{entry.name}: a dynamic graph's budget or a fixed path is expected, and not both")
            if self.selection is not None and entry.cost_unit != self.selection.unit:
                raise ValueError(f"{entry.name}: costs in {self.selection.unit} are expected, the unit of the graph's")
        if self.mode is not Mode.MULTI and len(self.sizes) > 1:
            raise ValueError(f"mode {self.mode}: one size is expected; got {len(self.sizes)}")
        if any(entry.path and len(entry.path) != self.block_count for entry in self.entry_points):
            raise ValueError("paths are expected to be of one length")
        if not any(self.precision in target.facts.precisions for target in Target):
            raise ValueError(f"precision {self.precision}: files of no target come in it")
        return self


class Manifest(Draft):
    """Contents of ``manifest.json``."""

    selection: SelectionRecord | None
    quantisation: QuantisationRecord | None = None
    entry_points: tuple[EntryPointRecord, ...] = Field(min_length=1)
    parity: tuple[ParityRecord, ...]
    golden: tuple[GoldenRecord, ...]
    tool_versions: dict[str, str]

    @model_validator(mode="after")
    def _check_files(self) -> Manifest:
        files, expected = {entry.file for entry in self.entry_points}, len(self.entry_points)
        if len(files) != (expected if self.mode is Mode.STATIC else 1):
            raise ValueError(f"mode {self.mode}: a file for each entry point is expected if static, else one for all")
        if self.precision.is_quantised != (self.quantisation is not None):
            raise ValueError(f"precision {self.precision}: a record of what is quantised is expected, or none")
        if self.quantisation is not None:
            judged = {each.path for each in self.quantisation.quality}
            if not {entry.path for entry in self.entry_points if entry.path} <= judged:
                raise ValueError("a record of quality is expected for every path that is quantised")
        return self

    @property
    def verified(self) -> bool:
        """Whether every entry point's parity was run and passed."""
        return bool(self.parity) and all(record.passed is True for record in self.parity)


class _Versioned(BaseModel):
    schema_version: Annotated[int, Field(lt=10**6)]


def read_manifest(directory: Path) -> Manifest:
    """Read an artifact folder's manifest.

    Raises:
        ArtifactError: if the folder or manifest is missing, damaged or of another schema.
    """
    file = directory / MANIFEST
    if not file.is_file():
        inside = ", ".join(str(each.parent) for each in sorted(directory.glob(f"*/{MANIFEST}"))[:_FOLDERS_NAMED])
        way_out = f"Give one of the folders in it, such as {inside}." if inside else "Check the path."
        raise ArtifactError(f"Expected an artifact folder with {MANIFEST}; {directory} has none. {way_out}")
    content = _read(file)
    try:
        parse_json(content)
        manifest = Manifest.model_validate_json(content, strict=True)
        if "schema_version" not in manifest.model_fields_set:
            raise ValueError("schema_version is missing")
        return manifest
    except ValueError as error:
        if schema_version(content) > SCHEMA_VERSION:
            raise ArtifactError(
                f"{file} was written by a newer pam-edge: expected schema {SCHEMA_VERSION}, found "
                f"{schema_version(content)}. Update pam-edge, or convert again."
            ) from error
        raise ArtifactError(
            f"{file} is damaged or of another schema than {SCHEMA_VERSION}: {describe(error)}. Copy the folder again, "
            "or convert again."
        ) from error


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size <= _LARGEST_BYTES:
            return file.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{file} cannot be read: {error.strerror}. Check its permissions.") from error
    raise ArtifactError(f"{file} is damaged: expected at most {_LARGEST_BYTES} bytes. Copy the folder again.")


def schema_version(content: bytes) -> int:
    """Return the version that a document states; 0 if it states none."""
    try:
        return _Versioned.model_validate_json(content).schema_version
    except ValidationError:
        return 0
