"""The page that a web bundle holds: built once for its sources, with npm, and kept in the user's cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from pam_edge.delivery.artifact.staging import deliver, staging
from pam_edge.delivery.bundle.library import LIBRARIES, RUNTIMES, library_files
from pam_edge.errors import ConversionError, MissingExtraError
from pam_edge.terms import Platform
from pam_edge.workers import run_in_worker

BUILT = "dist"
_OLDEST_NODE = 20
_TIMEOUT_S = 900
_TAIL_CHARACTERS = 400
_NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "ENOTCACHED")
"""What npm prints where it reaches no registry."""


def page_folder() -> Path:
    """Return the folder of the built page; builds it unless that was done for these sources.

    Raises:
        MissingExtraError: if there is no Node.js or npm to build it with.
        ConversionError: if it cannot be built; nothing is then left behind.
    """
    sources = library_files(Platform.WEB)
    made_here = RUNTIMES / LIBRARIES[Platform.WEB].folder / BUILT
    if _is_newer(made_here, sources):
        return made_here
    kept = user_cache_path("pam-edge", appauthor=False) / "web" / _key(sources)
    if not kept.is_dir():
        _check_node()
        with staging(kept) as folder:
            payload = {"sources": {path: str(file) for path, file in sources.items()}, "folder": str(folder)}
            run_in_worker(f"{__name__}:build", payload, timeout_s=_TIMEOUT_S)
            deliver(folder / BUILT, kept)
    return kept


def build(payload: dict[str, Any]) -> dict[str, Any]:
    """Copy the sources into a folder and build the page in it; to be run in a worker, which ends npm with itself.

    Args:
        payload: ``sources``, files by their paths, and the empty ``folder``.

    Raises:
        ConversionError: if npm fails.
    """
    folder = Path(payload["folder"])
    for path, file in payload["sources"].items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / path)
    _npm(folder, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    _npm(folder, "run", "build")
    if not (folder / BUILT / "index.html").is_file():
        raise ConversionError(f"Expected npm run build to write {BUILT}/index.html; it did not. Report this.")
    return {}


def _npm(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["npm", *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode == 0:
        return
    said = " ".join((done.stdout + done.stderr).decode(errors="replace").replace(str(folder), "").split())
    offline = any(word in said for word in _NO_NETWORK)
    way_out = (
        "npm reaches no registry: connect this machine once, or package where there is a network"
        if offline
        else "Try again; if it happens again, report it"
    )
    raise ConversionError(
        f"Expected npm {' '.join(arguments)} to build the web page; it ended with {done.returncode}: "
        f"{said[-_TAIL_CHARACTERS:] or 'without a word'}. {way_out}. Nothing was kept."
    )


def _check_node() -> None:
    needed = f"Building the web page takes Node.js {_OLDEST_NODE} or newer, with npm"
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise MissingExtraError(f"{needed}; there is no {program} here. Install it, or package on another machine.")
    found = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = found.removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < _OLDEST_NODE:
        raise MissingExtraError(f"{needed}; found {found or 'a node that tells no version'}. Update it.")


def _is_newer(folder: Path, sources: Mapping[str, Path]) -> bool:
    """Tell whether a page that developers built where its sources are is of these sources."""
    index = folder / "index.html"
    return index.is_file() and index.stat().st_mtime >= max(file.stat().st_mtime for file in sources.values())


def _key(sources: Mapping[str, Path]) -> str:
    digest = hashlib.sha256()
    for path, file in sources.items():
        digest.update(f"{path}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]
