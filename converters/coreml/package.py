"""Make a saved .mlpackage depend on nothing but its content.

coremltools writes random identifiers into Manifest.json, the conversion date and its own debug map into the package;
with them, two runs of one conversion would never give equal bytes.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from pam_edge.toolchains import UNUSED_BY_COREMLTOOLS, hidden

with hidden(*UNUSED_BY_COREMLTOOLS):
    import coremltools as ct

MODEL = Path("Data/com.apple.CoreML/model.mlmodel")
_NAMESPACE = uuid.UUID("6f1a3f4e-8a55-4d43-9c8f-6f0c8f7d2b10")
_VOLATILE_METADATA = ("com.github.apple.coremltools.conversion_date",)


def make_reproducible(package: Path) -> None:
    """Rewrite a package in place: stable identifiers, no date, no debug files, fixed order."""
    for extra in package.glob("*.json"):
        if extra.name != "Manifest.json":
            extra.unlink()
    _rewrite_specification(package / MODEL)
    _rewrite_manifest(package / "Manifest.json")


def _rewrite_specification(file: Path) -> None:
    specification = ct.proto.Model_pb2.Model()
    specification.ParseFromString(file.read_bytes())
    for key in _VOLATILE_METADATA:
        specification.description.metadata.userDefined.pop(key, None)
    # Maps serialise in the order of their hash unless determinism is asked for.
    file.write_bytes(specification.SerializeToString(deterministic=True))
    file.chmod(0o644)


def _rewrite_manifest(file: Path) -> None:
    manifest: dict[str, Any] = json.loads(file.read_text())
    names = {old: str(uuid.uuid5(_NAMESPACE, item["path"])) for old, item in manifest["itemInfoEntries"].items()}
    entries = {names[old]: item for old, item in manifest["itemInfoEntries"].items()}
    manifest["itemInfoEntries"] = dict(sorted(entries.items()))
    manifest["rootModelIdentifier"] = names[manifest["rootModelIdentifier"]]
    # Exactly as coremltools writes it: it rewrites this file whenever it opens a package, and the hash should survive.
    file.write_text(json.dumps(manifest, indent=4, sort_keys=True) + "\n")
