"""What a bundle adds to an app, by part."""

from __future__ import annotations

from collections.abc import Mapping

from pam_edge.delivery.bundle.record import BundleFile
from pam_edge.terms import Platform

_RUNTIME = {
    Platform.IOS: "part of the system",
    Platform.ANDROID: "fetched by Gradle; see what it adds in Android Studio's APK Analyzer",
}
"""Where none of it lies in the bundle."""

_FOLDERS = {
    "model/golden": "golden vectors",
    "model": "model",
    "compare": "second model, to compare",
    "probe": "probe",
    "wasm": "runtime",
    "people": "model that finds people",
    "licences": "papers",
}
"""By which a file's part is told, the longer ones first."""

_ORDER = ("model", *(name for name in _FOLDERS.values() if name not in ("model", "papers")), "library", "papers")


def sizes(files: tuple[BundleFile, ...]) -> dict[str, int]:
    """Return bytes by part, such as model, golden vectors, library and papers; those that there are.

    The library of the native platforms is counted as source text: compiled, it is another size.
    """
    parts = dict.fromkeys(_ORDER, 0)
    for file in files:
        parts[_part(file.path)] += file.bytes
    return {name: size for name, size in parts.items() if size}


def size_table(parts: Mapping[str, int], platform: Platform) -> str:
    """Return the parts as a table in Markdown."""
    rows = [f"| {name} | {size / 1e6:.2f} MB |" for name, size in parts.items()]
    rows.append(f"| all of it | {sum(parts.values()) / 1e6:.2f} MB |")
    if platform in _RUNTIME:
        rows.append(f"| runtime | {_RUNTIME[platform]} |")
    return "\n".join(["| part | size |", "|---|---|", *rows])


def _part(path: str) -> str:
    for folder, name in _FOLDERS.items():
        if path.startswith(f"{folder}/"):
            return name
    return "papers" if "/" not in path and path.endswith(".md") else "library"
