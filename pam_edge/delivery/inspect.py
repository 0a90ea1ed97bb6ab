"""Look into an artifact folder: operators, partitions, fallbacks, sizes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pam_edge.delivery.artifact.manifest import Manifest, read_manifest
from pam_edge.errors import ArtifactError, WorkerError
from pam_edge.runtimes.base import Branch, Inspection
from pam_edge.runtimes.registry import load_runtime
from pam_edge.targets import Target
from pam_edge.workers import run_in_worker


def inspect(directory: Path) -> tuple[Manifest, dict[str, Inspection]]:
    """Return the manifest and each entry point's inspection, read in a worker process.

    Raises:
        ArtifactError: if the folder or a file is missing or damaged.
    """
    manifest = read_manifest(directory)
    files = {entry.function: str(directory / entry.file) for entry in manifest.entry_points}
    payload = {"target": manifest.target, "files": files}
    try:
        found = run_in_worker("pam_edge.delivery.inspect:inspect_in_worker", payload)
    except WorkerError as error:
        raise ArtifactError(
            f"Expected files in {directory} that can be read; reading them crashed, as with damaged ones: {error}"
        ) from error
    return manifest, {entry.name: _restored(found[entry.function]) for entry in manifest.entry_points}


def _restored(found: dict[str, Any]) -> Inspection:
    return Inspection(**found | {"branches": tuple(Branch(**branch) for branch in found["branches"])})


def inspect_in_worker(payload: dict[str, Any]) -> dict[str, Any]:
    """Inspect ``{"target": ..., "files": {function: file}}``."""
    runtime = load_runtime(Target(payload["target"]))
    return {name: asdict(runtime.inspect(Path(file), name)) for name, file in payload["files"].items()}
