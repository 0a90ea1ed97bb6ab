"""The probe that an app measures its device with: a folder that ``profile kit`` wrote, checked against the artifact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pam_edge.delivery.artifact.content import content_hash, inside
from pam_edge.delivery.artifact.manifest import Manifest
from pam_edge.errors import ArtifactError, UsageError
from pam_edge.files import read_text

KIT = "kit.json"


def probe_files(kit: Path, manifest: Manifest) -> dict[str, Path]:
    """Return a kit's files that an app reads, by their path in it: ``kit.json``, the probe and its inputs.

    Raises:
        UsageError: if it is no kit, or one of another target, network, precision or size than the artifact.
        ArtifactError: if something in it is missing, was changed since, or is a link that leads out.
    """
    stated = _read(kit)
    sizes = [f"{height}x{width}" for height, width in manifest.sizes]
    expected = {
        "target": [str(manifest.target)],
        "architecture_hash": [manifest.checkpoint.architecture_hash],
        "precision": [str(manifest.precision)],
        "size": sizes,
    }
    found = stated["samples"] | {"size": f"{stated['samples'].get('height')}x{stated['samples'].get('width')}"}
    for name, fitting in expected.items():
        if str(found.get(name)) not in fitting:
            raise UsageError(
                f"--probe {kit}: expected a probe of the artifact's {name}, {' or '.join(fitting)}; it is of "
                f"{found.get(name)}. Make one: pam-edge profile kit --target {manifest.target} --checkpoint "
                f"{manifest.checkpoint.reference} --precision {manifest.precision} --size {sizes[0]} -o kit"
            )
    whole = [kit / KIT, *(_unchanged(kit, path, sha256) for path, sha256 in stated["files"].items())]
    each = sorted(file for part in whole for file in ([part] if part.is_file() else part.rglob("*")) if file.is_file())
    return {file.relative_to(kit).as_posix(): file for file in each}


def _unchanged(kit: Path, name: str, sha256: str) -> Path:
    path = inside(kit, name)
    if not path.exists() or content_hash(path) != sha256:
        found = "was changed since: its SHA-256 is not the kit's" if path.exists() else "is missing"
        raise ArtifactError(
            f"--probe {kit}: expected {name} as it was made; it {found}. Copy the kit again, or write it again: "
            "pam-edge profile kit."
        )
    return path


def _read(kit: Path) -> dict[str, Any]:
    text = read_text(kit / KIT, f"--probe: a folder that `pam-edge profile kit` wrote, with {KIT},")
    try:
        stated = json.loads(text)
        whole = (
            isinstance(stated["samples"], dict) and stated["file"] in dict(stated["files"]) and bool(stated["rounds"])
        )
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise UsageError(
            f"--probe {kit}: expected a kit with its files, order of paths and description of the samples; {KIT} lacks "
            "some of it. Write it again: pam-edge profile kit."
        )
    return dict(stated)
