"""Look into an artifact folder: operators, partitions, fallbacks, sizes, and where files and manifest disagree."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.manifest import EntryPointRecord, Manifest
from pam_edge.errors import ArtifactError, WorkerError
from pam_edge.runtimes.base import Branch, Inspection, Runtime
from pam_edge.runtimes.registry import load_runtime
from pam_edge.workers import run_in_worker


@dataclass(frozen=True, slots=True)
class Inspected:
    """An entry point's file as it is: damaged and changed ones are looked into as well.

    Attributes:
        inspection: what it is made of.
        unchanged: whether its SHA-256 is the manifest's.
        contradictions: in what it is not what the manifest says, in words; empty is good.
    """

    inspection: Inspection
    unchanged: bool
    contradictions: tuple[str, ...]


def inspect(directory: Path) -> tuple[Manifest, dict[str, Inspected]]:
    """Return the manifest and each entry point's inspection, read in a worker process.

    Raises:
        ArtifactError: if the folder or a file is missing, or too damaged to be looked into.
    """
    manifest = Artifact.read(directory).manifest
    try:
        found = run_in_worker("pam_edge.delivery.inspect:inspect_in_worker", {"directory": str(directory)})
    except WorkerError as error:
        raise ArtifactError(
            f"Expected files in {directory} that can be read; reading them crashed, as with damaged ones: {error}"
        ) from error
    return manifest, {name: _restored(each) for name, each in found.items()}


def _restored(found: dict[str, Any]) -> Inspected:
    inspection = found["inspection"]
    branches = tuple(Branch(**branch) for branch in inspection["branches"])
    return Inspected(
        Inspection(**inspection | {"branches": branches}), found["unchanged"], tuple(found["contradictions"])
    )


def inspect_in_worker(payload: dict[str, Any]) -> dict[str, Any]:
    """Inspect the entry points of ``{"directory": ...}``; those of one function are inspected once."""
    artifact = Artifact.read(Path(payload["directory"]))
    runtime = load_runtime(artifact.manifest.target)
    places = {entry.name: (entry.file, entry.function, entry.sha256) for entry in artifact.manifest.entry_points}
    entries = {places[entry.name]: entry for entry in artifact.manifest.entry_points}
    found = {place: asdict(_inspect(artifact, entry, runtime)) for place, entry in entries.items()}
    return {name: found[place] for name, place in places.items()}


def _inspect(artifact: Artifact, entry: EntryPointRecord, runtime: Runtime) -> Inspected:
    inspection = runtime.inspect(artifact.file(entry), entry.function)
    contradictions = artifact.contradictions(entry, runtime)
    if (inspection.height, inspection.width) != entry.size:
        contradictions += (
            f"the file takes {inspection.height}x{inspection.width}, the manifest says {entry.height}x{entry.width}",
        )
    return Inspected(inspection, artifact.is_unchanged(entry), contradictions)
