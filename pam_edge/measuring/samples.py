"""The file of timings that any device hands in: one JSON object, the same from a host, a phone app or a browser.

Each sample is one call of the probe along one path, after warm-up. Rounds go through all paths once, shuffled; the
number of the round comes with each sample, so that a drifting or disturbed device can be told from a slow path.

    {"schema_version": 1,
     "device": "iPhone 13", "soc": "Apple A15 Bionic", "os": "iOS 17.5",
     "target": "coreml", "runtime": "Core ML", "runtime_version": "17.5", "compute_unit": "neural_engine",
     "delegate": "requested: all", "threads": 1, "precision": "fp16", "height": 512, "width": 512,
     "variant": "pam-tiny", "architecture_hash": "0123456789ab", "date": "2025-03-01", "tool": "our app 1.2",
     "peak_memory_bytes": 183500800,
     "samples": [{"path": "11010010110", "round": 0, "latency_ms": 7.41}, ...]}

``architecture_hash`` is that of the checkpoint the probe was made from (the kit's file has it). ``peak_memory_bytes``
may be left out; no other key is allowed but for two that a sample may have. ``"thermal"`` (nominal, fair, serious,
critical) says how hot the device was. ``"graph": "static"`` says that a static graph of its path took the time, and not
the probe; where two paths or more were timed as both, planned costs are those of static graphs, else the probe's.
Samples stand in the order in which they were taken.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from pam_edge.device_profiles.schema import Count, Positive, Record, Side, Text
from pam_edge.errors import ProfileError
from pam_edge.files import read_text
from pam_edge.supernet.variants import VARIANTS
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, Precision, Thermal


class Sample(Record):
    """One timing.

    Attributes:
        path: one 0 or 1 per block.
        round: from 0.
        latency_ms: of one call, wall clock.
        graph: what was called: the probe, or a static graph of the path.
        thermal: how hot the device said it was.
        session: number of the process that took it, from 0. Memory lies elsewhere in another process, and some blocks
            are then a little faster or slower: only several sessions show by how much.
    """

    path: Annotated[str, Field(pattern="^[01]+$")]
    round: Annotated[int, Field(ge=0, strict=True)]
    latency_ms: Positive
    graph: Literal["probe", "static"] = "probe"
    thermal: Thermal | None = None
    session: Annotated[int, Field(ge=0, strict=True)] = 0


class SampleFile(Record):
    """Timings of one variant under one runtime, precision and size on one device."""

    schema_version: Literal[1]
    device: Text
    soc: Text
    os: Text
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
    date: date
    tool: Text
    peak_memory_bytes: Count | None = None
    samples: tuple[Sample, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> SampleFile:
        lengths = {len(sample.path) for sample in self.samples}
        if len(lengths) != 1:
            raise ValueError(f"paths of one length are expected; got lengths {sorted(lengths)}")
        return self

    @property
    def block_count(self) -> int:
        """Number of blocks in every path."""
        return len(self.samples[0].path)


def read_samples(file: Path) -> SampleFile:
    """Read and check a file of samples, and that it fits the variant it names.

    Raises:
        ProfileError: if it cannot be read, is cut short or malformed, or is of another variant or architecture.
    """
    return parse_samples(read_text(file, "samples, which a measurement writes as JSON,", ProfileError), str(file))


def parse_samples(text: str | bytes, source: str) -> SampleFile:
    """Check samples, and that they fit the variant they name.

    Args:
        text: JSON.
        source: what they are called in errors: their file, or how they came.

    Raises:
        ProfileError: if they are cut short or malformed, or are of another variant or architecture.
    """
    try:
        samples = SampleFile.model_validate_json(text)
    except ValidationError as e:
        raise ProfileError(_describe(source, e)) from e
    _check_variant(source, samples)
    return samples


def _describe(file: str, error: ValidationError) -> str:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return f"The samples {file} are not complete JSON ({first['msg']}). Copy the file from the device again."
    key = ".".join(map(str, first["loc"])) or "the file"
    shown = f"; got {first['input']!r}" if isinstance(first["input"], str | int | float) else ""
    more = f" ({error.error_count() - 1} more problems follow.)" if error.error_count() > 1 else ""
    found = first["msg"].removeprefix("Value error, ")
    return f"The samples {file} cannot be used: {key}: {found}{shown}. Measure again; nothing was imported.{more}"


def _check_variant(file: str, samples: SampleFile) -> None:
    config = VARIANTS.get(samples.variant)
    if config is None:
        known = ", ".join(VARIANTS)
        raise ProfileError(f"The samples {file} are of {samples.variant!r}; expected one of the variants {known}.")
    if samples.architecture_hash != config.architecture_hash() or samples.block_count != config.block_count:
        raise ProfileError(
            f"The samples {file} are of another network: {samples.variant} is {config.architecture_hash()} with "
            f"{config.block_count} blocks; they are of {samples.architecture_hash} with {samples.block_count}. Measure "
            "with a probe made from the checkpoint at hand; nothing was imported."
        )
