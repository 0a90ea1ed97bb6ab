"""Measure a variant on this machine and keep what it costs as a device profile.

    probe and static graphs -> rounds of timings (a draft) -> samples -> fit -> profile

Everything before the profile lies in one folder per thing measured. An interrupted measurement leaves it there and the
next one goes on with it; a finished one removes it.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from platformdirs import user_cache_path

from pam_edge import __version__
from pam_edge.device_profiles.writer import check_profile_name
from pam_edge.errors import ProfileError, UsageError
from pam_edge.files import check_can_write, write_whole
from pam_edge.measuring.draft import Round, read_rounds
from pam_edge.measuring.host import Machine, host_file, this_machine
from pam_edge.measuring.import_samples import Imported, add_table, earlier_profile, fit_samples
from pam_edge.measuring.path_design import default_path_count, design_paths
from pam_edge.measuring.probe import PROBE, Subject, make_probe, make_static, subject
from pam_edge.measuring.samples import SampleFile
from pam_edge.measuring.timing import as_samples
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, Precision, Provenance
from pam_edge.workers import check_threads, run_in_worker, side_by_side

STATIC_PATHS = 2
"""Paths that are also timed as static graphs: the full and the shortest, between which all others lie."""

SESSIONS = 3
"""Processes that measure one after the other, on copies of the files: where memory lies decides some of a cost."""

_DRAFT, _SAMPLES, _PROBE, _STATIC = "rounds.jsonl", "samples.json", "probe", "static"
_SPARE_S = 120
"""Beyond the limit, for loading, warm-up and the last round."""

_log = logging.getLogger(__name__)

Progress = Callable[[str, list[Round]], None]
"""Called now and then with what is being done, and the rounds so far."""


@dataclass(frozen=True, slots=True)
class MeasureRequest:
    """What to measure, and how long.

    Attributes:
        checkpoint: variant name or file; what is measured depends on its variant alone.
        limit_s: most time for taking rounds.
        name: of the profile; also the file's name.
        file: that receives the profile.
    """

    checkpoint: str
    target: Target
    precision: Precision
    height: int
    width: int
    threads: int
    limit_s: float
    name: str
    file: Path


def measure(request: MeasureRequest, progress: Progress = lambda step, rounds: None) -> Imported:
    """Measure, fit, and add the table to a profile.

    This machine's own profile is taken as new if what is there cannot be read or is of another machine, as where a
    home directory is shared: that file is kept beside it under another name.

    Raises:
        UsageError: if the request cannot be met; nothing is then done.
        ConversionError: if the probe cannot be made.
        ProfileError: if the profile's name cannot be used, or another profile than this machine's own cannot take the
            table, and nothing is then done; or if the timings do not give costs: they are kept for another try.
    """
    machine = this_machine()
    measured = _check(request, machine)
    folder = _folder(request, measured, machine)
    blocks = _block_count(measured)
    paths = design_paths(blocks, default_path_count(blocks))
    files = _make_files(measured, paths[:STATIC_PATHS], folder, lambda step: progress(step, []))
    found = _take_rounds(request, measured, paths, files, folder, progress)
    samples = _samples(request, measured, machine, folder, found)
    write_whole(folder / _SAMPLES, samples.model_dump_json(indent=1).encode())
    table = fit_samples(samples, _SAMPLES, Provenance.MEASURED)
    set_aside = _set_aside(request, machine)
    done = add_table(table, samples.device, samples.soc, samples.os, request.name, request.file)
    shutil.rmtree(folder)
    return replace(done, set_aside=set_aside)


def _check(request: MeasureRequest, machine: Machine) -> Subject:
    why_not = request.target.facts.why_not_timed_here
    if why_not:
        raise UsageError(f"profile measure --target {request.target}: {why_not}.")
    check_threads(request.threads)
    if not request.limit_s > 0:
        raise UsageError(f"Expected a time limit above zero; got {request.limit_s} s.")
    check_profile_name(request.name, request.file)
    check_can_write("-o", request.file)
    if request.file != host_file():
        earlier_profile(machine.device, machine.soc, request.file)
    return subject(request.checkpoint, request.target, request.precision, request.height, request.width)


def _block_count(measured: Subject) -> int:
    from pam_edge.supernet.variants import variant

    return variant(measured.variant).block_count


def _set_aside(request: MeasureRequest, machine: Machine) -> Path | None:
    """Rename this machine's own profile if no table can be added to it; return its new place, None if it may stay."""
    if request.file != host_file():
        return None
    try:
        earlier_profile(machine.device, machine.soc, request.file)
    except ProfileError:
        numbered = (request.file.with_name(f"{request.file.name}.kept-{number}") for number in count(1))
        kept = next(file for file in numbered if not file.exists())
        return request.file.rename(kept)
    return None


def _folder(request: MeasureRequest, measured: Subject, machine: Machine) -> Path:
    """Return where a measurement lies until it is done, by all that its timings depend on."""
    parts = (
        measured.variant,
        measured.architecture_hash,
        measured.target,
        measured.precision,
        f"{measured.height}x{measured.width}",
        f"{request.threads}-threads",
        __version__,
        machine.soc,
    )
    name = "_".join("".join(c if c.isalnum() or c in ".-" else "-" for c in part) for part in parts)
    return user_cache_path("pam-edge", appauthor=False) / "measurements" / name


def _make_files(
    measured: Subject, static_paths: tuple[PathSpec, ...], folder: Path, say: Callable[[str], None]
) -> dict[str, str]:
    """Return the files of an earlier try, or make them: both at once, each in a worker of its own."""
    say("making the probe")
    probe, static = side_by_side(
        [
            lambda: _make_once(folder / _PROBE, lambda into: make_probe(measured, into)),
            lambda: _make_once(folder / _STATIC, lambda into: make_static(measured, static_paths, into)),
        ]
    )
    return {_PROBE: str(probe), _STATIC: str(static)}


def _make_once(folder: Path, make: Callable[[Path], Path]) -> Path:
    done = folder / "done"
    if done.is_file():
        _log.info("going on with %s, made by an earlier try", folder)
        return folder / done.read_text()
    shutil.rmtree(folder, ignore_errors=True)
    file = make(folder)
    write_whole(done, file.name.encode())
    return file


def _take_rounds(
    request: MeasureRequest,
    measured: Subject,
    paths: tuple[PathSpec, ...],
    files: dict[str, str],
    folder: Path,
    progress: Progress,
) -> dict[str, Any]:
    from pam_edge.supernet.macs import count_macs
    from pam_edge.supernet.variants import variant

    macs = count_macs(variant(measured.variant), measured.height, measured.width)
    draft = folder / _DRAFT
    payload = {
        "target": measured.target,
        "threads": request.threads,
        "paths": [str(path) for path in paths],
        "static_paths": [str(path) for path in paths[:STATIC_PATHS]],
        "bypass_shares": [bypass / macs.shortest for bypass in macs.bypass],
        "draft": str(draft),
        "limit_s": request.limit_s / SESSIONS,
    }
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(draft, progress, stop), daemon=True)
    watcher.start()
    try:
        first = 1 + max((each.session for each in read_rounds(draft)), default=-1)
        for session in range(first, max(SESSIONS, first + 1)):
            _log.info("session %d begins; rounds are in %s", session, draft)
            with _own_copies(files) as copies:
                found = run_in_worker(
                    "pam_edge.measuring.timing:time_in_worker",
                    payload | copies | {"session": session},
                    threads=request.threads,
                    timeout_s=request.limit_s + _SPARE_S,
                )
        return found
    finally:
        stop.set()
        watcher.join()


@contextmanager
def _own_copies(files: dict[str, str]) -> Iterator[dict[str, str]]:
    """Give a session files of its own: weights are mapped, and all who map one file share its place in memory."""
    with TemporaryDirectory(prefix="pam-edge-session-") as folder:
        yield {name: shutil.copy(file, f"{folder}/{name}{Path(file).suffix}") for name, file in files.items()}


def _watch(draft: Path, progress: Progress, stop: threading.Event) -> None:
    while not stop.wait(0.5):
        progress("timing", read_rounds(draft))


def _samples(
    request: MeasureRequest, measured: Subject, machine: Machine, folder: Path, found: dict[str, Any]
) -> SampleFile:
    from pam_edge.runtimes.registry import load_runtime

    package, number = next(iter(load_runtime(measured.target).versions().items()))
    return SampleFile(
        schema_version=1,
        device=machine.device,
        soc=machine.soc,
        os=machine.os,
        target=measured.target,
        runtime=package,
        runtime_version=number,
        compute_unit=ComputeUnit.CPU,
        delegate="XNNPACK",
        threads=request.threads,
        precision=measured.precision,
        height=measured.height,
        width=measured.width,
        variant=measured.variant,
        architecture_hash=measured.architecture_hash,
        date=date.today(),
        tool=f"pam-edge {__version__}, {PROBE} graph",
        peak_memory_bytes=found["peak_memory_bytes"],
        samples=as_samples(read_rounds(folder / _DRAFT)),
    )
