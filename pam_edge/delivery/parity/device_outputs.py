"""Compare what a device computed from the golden inputs with what it should be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pam_edge.delivery.artifact.golden import GOLDEN, read_values
from pam_edge.delivery.artifact.manifest import EntryPointRecord, GoldenRecord, Manifest, ParityRecord, read_manifest
from pam_edge.delivery.parity.expected import selection_of
from pam_edge.errors import UsageError
from pam_edge.evaluation.dynamic_parity import is_tie
from pam_edge.evaluation.parity import LIMITS, Deviation, deviation
from pam_edge.matting.images import read_trimap
from pam_edge.supernet.path import PathSpec


def verify_device_outputs(directory: Path, outputs: Path) -> tuple[ParityRecord, ...]:
    """Judge a device's alphas and paths by the same limits as ``verify``.

    Args:
        directory: artifact folder with ``golden/``.
        outputs: folder with files named as those in ``golden/``: ``ENTRY.PICTURE.alpha.f32``, raw little-endian
            float32, height x width, and of a dynamic graph, run within the entry point's ``budget_input``, also
            ``ENTRY.PICTURE.path.f32``. An entry point that lacks some is reported as not run.

    Raises:
        UsageError: if the folder holds none of the files, or a file has another size.
    """
    manifest = read_manifest(directory)
    records = tuple(_check(directory, outputs, manifest, entry) for entry in manifest.entry_points)
    if all(record.passed is None and not record.images for record in records):
        entry = manifest.entry_points[0]
        names = " and ".join(Path(name).name for name in _files(manifest.golden[0], entry))
        within = f" within the budget {entry.budget_input:.9g}" if entry.budget_input is not None else ""
        raise UsageError(
            f"{outputs} holds none of the expected files, such as {names}. Run the inputs in {directory / GOLDEN} on "
            f"the device{within} and save what it computes under those names."
        )
    return records


@dataclass(frozen=True, slots=True)
class _Found:
    """What a device gave for one picture.

    Attributes:
        deviation: of alpha; None where an undecided gate led to another path, whose alpha is not known here.
        same_path: whether a dynamic graph took the path that it should.
        is_tie: whether an undecided gate explains another one.
        keeps_budget: whether the path's cost is within the budget.
    """

    deviation: Deviation | None
    same_path: bool = True
    is_tie: bool = False
    keeps_budget: bool = True


def _files(golden: GoldenRecord, entry: EntryPointRecord) -> list[str]:
    """Return the golden files that an entry point's outputs are compared with."""
    return [golden.alphas[entry.name], *([golden.paths[entry.name].file] if entry.name in golden.paths else [])]


def _check(directory: Path, outputs: Path, manifest: Manifest, entry: EntryPointRecord) -> ParityRecord:
    expected = {golden.picture: _files(golden, entry) for golden in manifest.golden}
    missing = sorted(
        Path(name).name for names in expected.values() for name in names if not _in(outputs, name).is_file()
    )
    found = {
        golden.picture: _compare(directory, outputs, manifest, entry, golden)
        for golden in manifest.golden
        if all(_in(outputs, name).is_file() for name in expected[golden.picture])
    }
    limits = LIMITS[manifest.precision]
    deviations = {name: each.deviation for name, each in found.items() if each.deviation is not None}
    passed = all(each.within(limits) for each in deviations.values()) and all(
        (each.same_path or each.is_tie) and each.keeps_budget for each in found.values()
    )
    return ParityRecord(
        entry_point=entry.name,
        runtime="device",
        passed=(passed if not missing or not passed else None) if found else None,
        ran_on=f"the device whose outputs are in {outputs}",
        proves="what the device computed, on the golden vectors",
        images=len(found),
        max_abs_error=max((each.max_abs for each in deviations.values()), default=None),
        rms_error_unknown=max((each.rms for each in deviations.values()), default=None),
        sad_change=max((each.sad_change for each in deviations.values()), default=None),
        path_mismatches=sum(not (each.same_path or each.is_tie) for each in found.values()),
        path_ties=sum(each.is_tie for each in found.values()),
        costs_over_budget=sum(not each.keeps_budget for each in found.values()),
        worst_picture=max(deviations, key=lambda name: deviations[name].max_abs, default=None),
        reason=f"missing: {', '.join(missing)}" if missing else None,
    )


def _in(outputs: Path, golden: str) -> Path:
    return outputs / Path(golden).name


def _compare(
    directory: Path, outputs: Path, manifest: Manifest, entry: EntryPointRecord, golden: GoldenRecord
) -> _Found:
    size = manifest.height, manifest.width
    alpha = golden.alphas[entry.name]
    off = deviation(
        read_values(_in(outputs, alpha), *size),
        read_values(directory / alpha, *size),
        read_trimap(directory / golden.trimap, *size),
    )
    if entry.name not in golden.paths:
        return _Found(off)
    assert entry.budget_input is not None, "the manifest of a dynamic graph states every budget"
    chosen, (costs, _) = golden.paths[entry.name], selection_of(manifest)
    blocks = len(chosen.margins)
    taken, asked = (
        PathSpec(tuple(bool(value >= 0.5) for value in read_values(file, blocks)))
        for file in (_in(outputs, chosen.file), directory / chosen.file)
    )
    tie = is_tie(taken, asked, chosen.margins, LIMITS[manifest.precision].gate_margin)
    return _Found(
        deviation=None if tie else off,
        same_path=taken == asked,
        is_tie=tie,
        keeps_budget=costs.cost(taken) <= max(entry.budget_input, costs.shortest),
    )
