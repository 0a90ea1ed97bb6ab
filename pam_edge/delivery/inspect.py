"""Look into an artifact folder: operators, partitions, fallbacks, sizes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.manifest import Manifest
from pam_edge.errors import ArtifactError, WorkerError
from pam_edge.runtimes.base import Branch, Inspection
from pam_edge.runtimes.registry import load_runtime
from pam_edge.workers import run_in_worker


def inspect(directory: Path) -> tuple[Manifest, dict[str, Inspection]]:
    """Return the manifest and each entry point's inspection, read in a worker process.

    Raises:
        ArtifactError: if the folder or a file is missing or damaged.
    """
    manifest = Artifact.read(directory).manifest
    try:
        found = run_in_worker("pam_edge.delivery.inspect:inspect_in_worker", {"directory": str(directory)})
    except WorkerError as error:
        raise ArtifactError(
            f"Expected files in {directory} that can be read; reading them crashed, as with damaged ones: {error}"
        ) from error
    return manifest, {name: _restored(each) for name, each in found.items()}


def _restored(found: dict[str, Any]) -> Inspection:
    return Inspection(**found | {"branches": tuple(Branch(**branch) for branch in found["branches"])})


def inspect_in_worker(payload: dict[str, Any]) -> dict[str, Any]:
    """Inspect the entry points of ``{"directory": ...}``; those of one function are inspected once."""
    artifact = Artifact.read(Path(payload["directory"]))
    runtime = load_runtime(artifact.manifest.target)
    places = {entry.name: (artifact.file(entry), entry.function) for entry in artifact.manifest.entry_points}
    found = {place: asdict(runtime.inspect(*place)) for place in dict.fromkeys(places.values())}
    return {name: found[place] for name, place in places.items()}
