"""Where the library that runs an artifact in an app comes from, and which of its files an app gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pam_edge.runtimes
from pam_edge.errors import UsageError
from pam_edge.terms import Platform

CATALOG = "gradle/libs.versions.toml"
"""Of the Android library: what it and its apps depend on."""

RUNTIMES = Path(pam_edge.runtimes.__file__).parent
"""In a checkout and in an installed package alike: pyproject.toml's package data carries what is listed here."""


@dataclass(frozen=True, slots=True)
class Library:
    """One platform's library.

    Attributes:
        folder: in ``runtimes/``.
        into: folder of the bundle that it goes to; empty for its root.
        taken: patterns of files that apps get, or that what they get is built from.
        left_out: names of folders, anywhere in the path, that hold tests, what stands in for a platform in tests, or
            what builds leave behind.
    """

    folder: str
    into: str
    taken: tuple[str, ...]
    left_out: frozenset[str]


LIBRARIES: Mapping[Platform, Library] = {
    Platform.IOS: Library("ios", "PamEdge", ("**/*.swift",), frozenset({"Tests", "Stubs", ".build", ".swiftpm"})),
    Platform.ANDROID: Library(
        "android",
        "pamedge",
        ("**/*.kt", "**/*.kts", "**/AndroidManifest.xml", "**/*.pro", "**/*.properties", CATALOG),
        frozenset({"test", "stubs", "tools", "build", ".gradle", ".kotlin"}),
    ),
    Platform.WEB: Library(
        "web",
        "",
        ("*.json", ".npmrc", "*.mjs", "src/**/*", "page/**/*"),
        frozenset({"node_modules", "dist", "tests"}),
    ),
}


def library_files(platform: Platform) -> dict[str, Path]:
    """Return a library's files by their path in its folder, in order.

    Raises:
        UsageError: if this installation has none.
    """
    library = LIBRARIES[platform]
    root = RUNTIMES / library.folder
    found = {file for pattern in library.taken for file in root.glob(pattern) if file.is_file()}
    files = {file.relative_to(root).as_posix(): file for file in found}
    kept = {path: files[path] for path in sorted(files) if not library.left_out & set(PurePosixPath(path).parts)}
    if not kept:
        raise UsageError(
            f"Expected the library for {platform.label} in this installation, at {root}; there is none. Install "
            "pam-edge again."
        )
    return kept
