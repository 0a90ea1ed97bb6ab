"""``LICENSES.md``: under which terms the parts of a bundle stand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from pam_edge.delivery.artifact.manifest import CheckpointRecord
from pam_edge.delivery.bundle.weights import weights_licences
from pam_edge.terms import Platform

_LOCK = "package-lock.json"
_TEXTS = "licences/"

_APART = {
    Platform.IOS: "None: Core ML, Core AI, Vision and Swift's libraries are part of Apple's systems.",
    Platform.ANDROID: "None in this folder: Gradle fetches LiteRT or ExecuTorch, which the build files in `pamedge/` "
    "name, from where it is published, with its own licence.",
}


def licences(
    checkpoint: CheckpointRecord, platform: Platform, library: Mapping[str, Path], bundled: Iterable[str]
) -> str:
    """Return the page.

    Args:
        checkpoint: whose weights the model holds.
        platform: of the bundle.
        library: files that the platform's library consists of, or is built from.
        bundled: paths of the bundle's files, some of which are licences' texts.
    """
    parts = _APART.get(platform) or _packages(library)
    texts = sorted(path for path in bundled if path.startswith(_TEXTS))
    if texts:
        parts += "\n\nTexts, and what else the page holds: " + ", ".join(f"`{path}`" for path in texts) + "."
    return f"""# Licences

## Weights: data sources and their licences

{weights_licences(checkpoint)}

`MODEL_CARD.md` says more about the weights.

## Third-party parts of the runtime

{parts}
"""


def _packages(library: Mapping[str, Path]) -> str:
    """Return a table of the npm packages that run in the page, as the lock file of its sources states them."""
    locked = json.loads(library[_LOCK].read_text(encoding="utf-8"))["packages"]
    shipped = {
        path.removeprefix("node_modules/"): each for path, each in locked.items() if path and not each.get("dev")
    }
    rows = [
        f"| {name} | {each['version']} | {each.get('license', 'not stated: see the package')} |"
        for name, each in sorted(shipped.items())
    ]
    return "\n".join(["| package | version | licence |", "|---|---|---|", *rows])
