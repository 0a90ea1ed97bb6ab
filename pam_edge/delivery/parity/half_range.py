"""How near an artifact's network comes to the end of half precision, where something computes in it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.parity.verify import choose_pictures, load_reference
from pam_edge.evaluation.half_range import HalfRange, find_half_ranges
from pam_edge.files import as_path
from pam_edge.supernet.path import PathSpec
from pam_edge.workers import run_in_worker


def half_ranges(
    directory: Path | str, *, images: Path | str | None = None, checkpoint: str | None = None
) -> list[HalfRange]:
    """Return the largest numbers of every operation along an artifact's paths, those with the least room first.

    They are the reference's, in float32 along the planned paths; of a graph that chooses, along the longest and the
    shortest. Nothing where no unit that takes the artifact computes in half precision.

    Args:
        directory: an artifact folder.
        images: folder of pictures to run; None takes the bundled photographs, a few of the data folder's, and
            adversarial pictures.
        checkpoint: name or file; None takes the one that the manifest names.

    Raises:
        ArtifactError: if the folder or the checkpoint is missing or damaged, or they do not belong together.
        UsageError: if ``images`` cannot be used.
    """
    manifest = Artifact.read(directory).manifest
    if manifest.precision not in manifest.target.facts.half_by:
        return []
    folder = as_path("images", images) if images else None
    payload = {
        "directory": str(directory),
        "checkpoint": checkpoint,
        "pictures": {"kind": "folder", "folder": str(folder)} if folder else {"kind": "convert"},
    }
    found = run_in_worker("pam_edge.delivery.parity.half_range:find_in_worker", payload)
    return [HalfRange(**each) for each in found["ranges"]]


def find_in_worker(payload: dict[str, Any]) -> dict[str, Any]:
    """Return ``{"ranges": [...]}`` of the folder that ``payload`` names (see ``half_ranges``), at its first size."""
    artifact = Artifact.read(Path(payload["directory"]))
    _, checkpoint = load_reference(artifact, payload["checkpoint"])
    network = checkpoint.supernet
    ends = (PathSpec((True,) * network.block_count), PathSpec((False,) * network.block_count))
    planned = tuple(PathSpec.parse(each.path) for each in artifact.manifest.entry_points if each.path)
    pictures = choose_pictures(payload["pictures"], *artifact.manifest.sizes[0])
    return {"ranges": [asdict(each) for each in find_half_ranges(network, planned or ends, pictures)]}
