"""What a device profile's TOML file holds.

A profile either estimates (peaks of the device, each with its source, from which costs of any variant and size follow)
or holds measured tables (each for one runtime, precision, size and variant, and good for nothing else).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from pam_edge.names import Name
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, Precision, Provenance


def _check_line(text: str) -> str:
    """Refuse what a terminal would not show as it is: these texts come from other machines, and are printed."""
    if not text.isprintable():
        raise ValueError("one line of text is expected, without control characters")
    return text


Text = Annotated[str, Field(min_length=1), AfterValidator(_check_line)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
Finite = Annotated[float, Field(allow_inf_nan=False, strict=True)]
Count = Annotated[int, Field(gt=0, strict=True)]
Side = Annotated[int, Field(gt=0, strict=True, multiple_of=32)]


class Record(BaseModel):
    """Base of all tables: unknown keys are refused, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Bandwidth(Record):
    """Peak rate between the SoC and its memory."""

    gb_per_s: Positive
    formula: Text
    source: Text


class Peak(Record):
    """Most multiply-accumulates per second of a compute unit, in billions."""

    precision: Precision
    gmacs_per_s: Positive
    formula: Text
    source: Text


class UnitPeaks(Record):
    """Peaks of one compute unit.

    Attributes:
        unit: CPU, GPU or neural engine.
        threads: cores that the peak counts; only for the CPU.
        peaks: one per precision.
    """

    unit: ComputeUnit
    threads: Count | None = None
    peaks: tuple[Peak, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> UnitPeaks:
        if len({peak.precision for peak in self.peaks}) != len(self.peaks):
            raise ValueError("one peak per precision is expected")
        if (self.unit is ComputeUnit.CPU) != (self.threads is not None):
            raise ValueError("threads are expected for the CPU, and for it alone")
        return self


class Estimate(Record):
    """Published peaks; ``script`` recomputes the numbers in this table from the published ones."""

    script: Text
    method: Text
    memory_bandwidth: Bandwidth
    compute_units: tuple[UnitPeaks, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Estimate:
        if len({unit.unit for unit in self.compute_units}) != len(self.compute_units):
            raise ValueError("one table per compute unit is expected")
        return self


class BlockCost(Record):
    """Costs of one choice block, with standard errors."""

    name: Text
    run_ms: NotNegative
    run_error_ms: NotNegative
    bypass_ms: NotNegative
    bypass_error_ms: NotNegative


class LatencyPercentiles(Record):
    """Percentiles of all samples that were kept, over all paths."""

    p10: Positive
    p50: Positive
    p90: Positive
    p99: Positive

    @model_validator(mode="after")
    def _check(self) -> LatencyPercentiles:
        if not self.p10 <= self.p50 <= self.p90 <= self.p99:
            raise ValueError(f"percentiles must rise; got {self.p10}, {self.p50}, {self.p90}, {self.p99}")
        return self


class MeasurementProvenance(Record):
    """Where a measured table comes from.

    Attributes:
        kind: ``measured`` by this tool, or ``imported`` from a file of samples.
        source: the file of samples, or the command.
        date: of the measurement.
        tool_version: of pam-edge when it fitted the table.
        samples: timings that were kept.
        paths: different paths among them.
        held_out_paths: paths kept out of the fit to judge it.
        held_out_median_error_pct: median of |predicted - measured| / measured over those paths.
        held_out_worst_error_pct: the largest.
        notices: outliers, drift and the like.
    """

    kind: Provenance
    source: Text
    date: date
    tool_version: Text
    samples: Count
    paths: Count
    held_out_paths: Count
    held_out_median_error_pct: NotNegative
    held_out_worst_error_pct: NotNegative
    notices: tuple[str, ...] = ()

    @field_validator("kind")
    @classmethod
    def _check_kind(cls, kind: Provenance) -> Provenance:
        if kind not in (Provenance.MEASURED, Provenance.IMPORTED):
            raise ValueError("a measured table is 'measured' or 'imported'")
        return kind


class StaticGraphs(Record):
    """How static graphs relate to the probe, whose costs the rest of the table holds.

    Attributes:
        paths: timed in both, side by side.
        scale, offset_ms: a static path costs ``scale * probe + offset_ms``.
        worst_error_pct: largest difference from that, over the paths.
    """

    paths: Count
    scale: Positive
    offset_ms: Finite
    worst_error_pct: NotNegative


class Measurement(Record):
    """Costs of one variant under one runtime, precision and size.

    ``fixed_ms`` and ``bypass_ms`` are told apart by convention alone: no path leaves out both a block and its bypass,
    so measuring determines their sum over the shortest path, and each block's ``run_ms - bypass_ms``.

    Attributes:
        path_error_ms: standard error of a path's predicted cost, root mean square over all paths.
        scatter_ms: standard deviation of single paths around the additive model, with the device's changing pace.
        static_graphs: None where the probe alone was timed.
    """

    target: Target
    runtime: Text
    runtime_version: Text
    compute_unit: ComputeUnit
    delegate: Text
    threads: Count
    precision: Precision
    height: Side
    width: Side
    variant: Text
    architecture_hash: Annotated[str, Field(pattern="^[0-9a-f]{12}$")]
    fixed_ms: NotNegative
    fixed_error_ms: NotNegative
    path_error_ms: NotNegative
    scatter_ms: NotNegative
    peak_memory_bytes: Count | None = None
    latency_ms: LatencyPercentiles
    provenance: MeasurementProvenance
    static_graphs: StaticGraphs | None = None
    blocks: tuple[BlockCost, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Measurement:
        if len({block.name for block in self.blocks}) != len(self.blocks):
            raise ValueError("each block is expected once")
        return self

    @property
    def conditions(self) -> tuple[Target, ComputeUnit, int, Precision, int, int, str]:
        """What the costs hold for, and what tells tables apart: a newer runtime's take the place of an older one's."""
        return (
            self.target,
            self.compute_unit,
            self.threads,
            self.precision,
            self.height,
            self.width,
            self.variant,
        )


class DeviceProfile(Record):
    """One device's costs: either estimated, or measured tables, of which no two hold for the same conditions.

    The name is also that of the file.
    """

    schema_version: Literal[1]
    name: Name
    device: Text
    soc: Text
    os: Text
    estimate: Estimate | None = None
    measurements: tuple[Measurement, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> DeviceProfile:
        if (self.estimate is None) == (not self.measurements):
            raise ValueError("either an estimate or measurements are expected, not both, and not neither")
        if len({table.conditions for table in self.measurements}) != len(self.measurements):
            raise ValueError(
                "one table is expected for each target, compute unit, threads, precision, size and variant"
            )
        return self

    @property
    def provenance(self) -> Provenance:
        """The weakest provenance in the file: estimated, then imported, then measured."""
        if self.estimate is not None:
            return Provenance.ESTIMATED
        kinds = {table.provenance.kind for table in self.measurements}
        return Provenance.IMPORTED if Provenance.IMPORTED in kinds else Provenance.MEASURED
