"""Make a device profile from operator profiles of an artifact's entry points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from pam_edge import __version__
from pam_edge.delivery.artifact.manifest import Manifest, read_manifest
from pam_edge.device_profiles.schema import BlockCost, LatencyPercentiles, Measurement, MeasurementProvenance
from pam_edge.errors import ProfileError, UsageError
from pam_edge.measuring.import_samples import Imported, add_table
from pam_edge.measuring.operator_profile import FIXED, by_part, convolution_parts, read_operator_times
from pam_edge.supernet.additive_cost import AdditiveCost
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import variant
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, Provenance


@dataclass(frozen=True, slots=True)
class Device:
    """What made the profiles; none of the files says.

    Raises:
        UsageError: if something is left empty, or there is no thread.
    """

    device: str
    soc: str
    os: str
    runtime_version: str
    threads: int

    def __post_init__(self) -> None:
        told = {"device": self.device, "soc": self.soc, "os": self.os, "runtime version": self.runtime_version}
        empty = [name for name, text in told.items() if not text]
        if empty or self.threads < 1:
            found = f"no {' or '.join(empty)}" if empty else f"{self.threads} threads"
            raise UsageError(
                f"Expected a device's name, SoC, OS and runtime version, and at least one thread; got {found}. Give "
                "all: no operator profile tells them."
            )


def import_operator_profiles(
    directory: Path, profiles: Sequence[Path], made_by: Device, name: str, file: Path
) -> Imported:
    """Add a table to a profile, which is made if need be.

    The longest and the shortest path among the profiles give the costs, the others judge them.

    Args:
        directory: artifact folder, static or multi.
        profiles: named as the entry points that they are of, such as ``mild.csv``.
        made_by: the device.
        name: of the profile.
        file: the profile's TOML.

    Raises:
        ProfileError: if the profiles do not fit the artifact or do not tell some block's cost; nothing is then written.
    """
    manifest = read_manifest(directory)
    if not manifest.target.facts.profiles_operators:
        able = [each.facts.label for each in Target if each.facts.profiles_operators]
        raise ProfileError(
            f"Expected an artifact of {' or '.join(able)}; {directory} is of {manifest.target}, whose "
            "profiler does not tell the order of operators. Measure the device with `pam-edge profile kit`."
        )
    if len(manifest.sizes) > 1:
        raise ProfileError(
            f"Expected an artifact of one size, which the costs hold for; {directory} has {len(manifest.sizes)}. "
            "Convert for one."
        )
    timed = _timed_paths(manifest, profiles)
    table = _table(manifest, timed, made_by, directory.name)
    return add_table(table, made_by.device, made_by.soc, made_by.os, name, file)


def _timed_paths(manifest: Manifest, profiles: Sequence[Path]) -> dict[PathSpec, dict[int, float]]:
    config = variant(manifest.checkpoint.variant)
    paths = {entry.name: entry.path for entry in manifest.entry_points if entry.path}
    timed = {}
    for file in profiles:
        if file.stem not in paths:
            known = ", ".join(paths) or "none of a fixed path"
            raise ProfileError(f"Expected profiles named after entry points ({known}); got {file.name}. Rename it.")
        path = PathSpec.parse(paths[file.stem])
        parts = convolution_parts(config, *manifest.sizes[0], path)
        timed[path] = by_part(read_operator_times(file), parts, file)
    return timed


def _table(manifest: Manifest, timed: dict[PathSpec, dict[int, float]], made_by: Device, source: str) -> Measurement:
    config = variant(manifest.checkpoint.variant)
    ordered = sorted(timed, key=lambda path: sum(path.runs))
    if len(ordered) < 3:
        raise ProfileError(
            "Expected profiles of three paths or more, two to tell the costs and one to judge them; got "
            f"{len(ordered)}. Convert with --mode multi, budgets from the full path's cost to the shortest path's."
        )
    shortest, longest = ordered[0], ordered[-1]
    vague = [
        name
        for name, runs, bypassed in zip(config.block_names, longest.runs, shortest.runs, strict=True)
        if not runs or bypassed
    ]
    if vague:
        raise ProfileError(
            f"These profiles do not tell the cost of {', '.join(vague)}: expected a path that runs every block and one "
            f"that bypasses every block; got {longest} and {shortest}. Convert with --budget 100% and with the "
            "shortest path's budget, which `pam-edge plan` shows."
        )
    fixed = (timed[longest][FIXED] + timed[shortest][FIXED]) / 2
    run = [timed[longest].get(index, 0.0) for index in range(config.block_count)]
    bypass = [timed[shortest].get(index, 0.0) for index in range(config.block_count)]
    totals = {path: sum(parts.values()) for path, parts in timed.items()}
    costs = AdditiveCost(fixed, tuple(run), tuple(bypass))
    misses, errors = [], []
    for path in ordered[1:-1]:
        misses.append(costs.cost(path) - totals[path])
        errors.append(100 * abs(misses[-1]) / totals[path])
    p10, p50, p90, p99 = np.percentile(list(totals.values()), (10, 50, 90, 99)).tolist()
    return Measurement(
        target=manifest.target,
        runtime=manifest.target.facts.label,
        runtime_version=made_by.runtime_version,
        compute_unit=ComputeUnit.CPU,
        delegate="XNNPACK",
        threads=made_by.threads,
        precision=manifest.precision,
        height=manifest.sizes[0][0],
        width=manifest.sizes[0][1],
        variant=config.name,
        architecture_hash=config.architecture_hash(),
        fixed_ms=fixed,
        fixed_error_ms=abs(timed[longest][FIXED] - timed[shortest][FIXED]) / 2,
        path_error_ms=abs(timed[longest][FIXED] - timed[shortest][FIXED]) / 2,
        scatter_ms=float(np.sqrt(np.mean(np.square(misses)))),
        latency_ms=LatencyPercentiles(p10=p10, p50=p50, p90=p90, p99=p99),
        provenance=MeasurementProvenance(
            kind=Provenance.IMPORTED,
            source=f"operator profiles of {source}",
            date=date.today(),
            tool_version=__version__,
            samples=len(timed),
            paths=len(timed),
            held_out_paths=len(errors),
            held_out_median_error_pct=float(np.median(errors)),
            held_out_worst_error_pct=max(errors),
            notices=("from operator profiles: blocks' standard errors are unknown and stand as 0",),
        ),
        blocks=tuple(
            BlockCost(name=block, run_ms=r, run_error_ms=0.0, bypass_ms=b, bypass_error_ms=0.0)
            for block, r, b in zip(config.block_names, run, bypass, strict=True)
        ),
    )
