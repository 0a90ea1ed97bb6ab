"""Make a device profile from a file of samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pam_edge import __version__
from pam_edge.device_profiles.loader import read_profile
from pam_edge.device_profiles.schema import (
    BlockCost,
    DeviceProfile,
    LatencyPercentiles,
    Measurement,
    MeasurementProvenance,
    StaticGraphs,
)
from pam_edge.device_profiles.writer import check_profile_name, write_profile
from pam_edge.errors import ProfileError
from pam_edge.measuring.fit import Fit, fit_costs
from pam_edge.measuring.path_times import PathTimes, clean_samples
from pam_edge.measuring.samples import SampleFile, read_samples
from pam_edge.measuring.static_fit import StaticFit, fit_static
from pam_edge.supernet.variants import variant
from pam_edge.terms import Provenance

EXPECTED_ERROR_PCT = 2.0
"""Above this held-out median error a notice asks for another measurement: a quiet device stays below one percent."""
LARGEST_USEFUL_ERROR_PCT = 10.0
"""Above this held-out median error the additive model does not describe the timings."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import wrote.

    Attributes:
        file: the profile.
        profile: its content, earlier tables included.
        table: the new table.
        replaced: whether it took the place of one for the same conditions.
        set_aside: where a file is now that stood in the way, and whose tables are not in the profile.
    """

    file: Path
    profile: DeviceProfile
    table: Measurement
    replaced: bool
    set_aside: Path | None = None


def import_samples(source: Path, name: str, file: Path) -> Imported:
    """Fit a file of samples and add the table to a profile, which is made if need be.

    Args:
        source: the samples.
        name: of the profile; also the file's name.
        file: the profile's TOML.

    Raises:
        ProfileError: if the samples cannot be used or do not fit the profile that is there; nothing is then written.
    """
    samples = read_samples(source)
    table = fit_samples(samples, source.name, Provenance.IMPORTED)
    return add_table(table, samples.device, samples.soc, samples.os, name, file)


def add_table(table: Measurement, device: str, soc: str, os: str, name: str, file: Path) -> Imported:
    """Add a table to a profile, beside all others but one for the same conditions; the profile is made if need be.

    Raises:
        ProfileError: if the name cannot be used, or the profile that is there is of another device; nothing is then
            written.
    """
    check_profile_name(name, file)
    earlier = earlier_profile(device, soc, file)
    tables = earlier.measurements if earlier else ()
    kept = tuple(old for old in tables if old.conditions != table.conditions)
    profile = DeviceProfile(schema_version=1, name=name, device=device, soc=soc, os=os, measurements=(*kept, table))
    write_profile(profile, file)
    return Imported(file, profile, table, replaced=len(kept) < len(tables))


def earlier_profile(device: str, soc: str, file: Path) -> DeviceProfile | None:
    """Return the profile to which a device's tables can be added; None if there is none yet.

    Raises:
        ProfileError: if it cannot be read, is of another device, or is an estimate.
    """
    if not file.exists():
        return None
    earlier = read_profile(file)
    if earlier.estimate is not None or (earlier.device, earlier.soc) != (device, soc):
        raise ProfileError(
            f"The profile {file} is {earlier.provenance}, of {earlier.device} ({earlier.soc}); this is of "
            f"{device} ({soc}). Give another --name."
        )
    return earlier


def fit_samples(samples: SampleFile, source: str, kind: Provenance) -> Measurement:
    """Return the table that samples give.

    Args:
        samples: of one variant under the same conditions.
        source: what the table's provenance calls them.
        kind: ``imported``, or ``measured`` when this tool took the samples.

    Raises:
        ProfileError: if there are too few, or the additive model does not describe them.
    """
    from pam_edge.supernet.macs import count_macs

    config = variant(samples.variant)
    macs = count_macs(config, samples.height, samples.width)
    times = clean_samples(samples.samples)
    fit = fit_costs(times, tuple(bypass / macs.shortest for bypass in macs.bypass))
    if fit.held_out_median_error_pct > LARGEST_USEFUL_ERROR_PCT:
        raise ProfileError(
            f"Expected costs per block to predict held-out paths to {LARGEST_USEFUL_ERROR_PCT:.0f}% (median); got "
            f"{fit.held_out_median_error_pct:.0f}%: the device was disturbed, or these are samples of something else. "
            "Measure again with the device at rest; nothing was imported."
        )
    static = fit_static(times.static_ms, fit)
    return _table(samples, fit, static, times, config.block_names, source, kind)


def _table(
    samples: SampleFile,
    fit: Fit,
    static: StaticFit | None,
    times: PathTimes,
    names: tuple[str, ...],
    source: str,
    kind: Provenance,
) -> Measurement:
    columns = zip(names, fit.run_ms, fit.run_errors_ms, fit.bypass_ms, fit.bypass_errors_ms, strict=True)
    blocks = tuple(
        BlockCost(name=name, run_ms=run, run_error_ms=run_error, bypass_ms=bypass, bypass_error_ms=bypass_error)
        for name, run, run_error, bypass, bypass_error in columns
    )
    p10, p50, p90, p99 = np.percentile(times.kept_ms, (10, 50, 90, 99)).tolist()
    provenance = MeasurementProvenance(
        kind=kind,
        source=f"{source}, made by {samples.tool}",
        date=samples.date,
        tool_version=__version__,
        samples=len(times.kept_ms),
        paths=len(times.median_ms),
        held_out_paths=len(fit.held_out_error_pct),
        held_out_median_error_pct=fit.held_out_median_error_pct,
        held_out_worst_error_pct=fit.held_out_worst_error_pct,
        notices=times.notices + _doubts(fit),
    )
    left_out = {"schema_version", "device", "soc", "os", "date", "tool", "samples"}
    conditions = samples.model_dump(exclude=left_out)
    return Measurement(
        **conditions,
        fixed_ms=fit.fixed_ms,
        fixed_error_ms=fit.fixed_error_ms,
        path_error_ms=fit.path_error_ms,
        scatter_ms=fit.scatter_ms,
        latency_ms=LatencyPercentiles(p10=p10, p50=p50, p90=p90, p99=p99),
        provenance=provenance,
        static_graphs=_static_graphs(static),
        blocks=blocks,
    )


def _static_graphs(static: StaticFit | None) -> StaticGraphs | None:
    if static is None:
        return None
    return StaticGraphs(
        paths=static.paths,
        scale=static.scale,
        offset_ms=static.offset_ms,
        worst_error_pct=static.worst_error_pct,
    )


def _doubts(fit: Fit) -> tuple[str, ...]:
    error = fit.held_out_median_error_pct
    if error <= EXPECTED_ERROR_PCT:
        return ()
    return (f"held-out paths are predicted to {error:.1f}% only: measure again with the device at rest",)
