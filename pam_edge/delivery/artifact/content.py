"""What lies in an artifact folder: paths that stay inside of it, hashes and sizes of what they lead to."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from pam_edge.errors import ArtifactError


def _check_relative(text: str) -> str:
    parts = text.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in text or ":" in text or not text.isprintable():
        raise ValueError(f"expected a path inside the folder, such as golden/one.png; got {text!r}")
    return text


RelativePath = Annotated[str, Field(max_length=240), AfterValidator(_check_relative)]
"""A path below the artifact folder, as it is written on every system: parts joined by ``/``, none of them ``..``."""


def inside(folder: Path, relative: str) -> Path:
    """Return the file or package folder at a path that was validated; it need not be there.

    Raises:
        ArtifactError: if it, or a file of the package, is a link that leads out of ``folder``.
    """
    path, root = folder / relative, Path(os.path.realpath(folder))
    for each in (path, *(path.rglob("*") if path.is_dir() else ())):
        if not Path(os.path.realpath(each)).is_relative_to(root):
            raise ArtifactError(
                f"Expected everything of an artifact to lie in its folder; {each} is a link that leads out of "
                f"{folder}. Copy the folder with what its links lead to."
            )
    return path


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder over the names and contents of its files in sorted order."""
    digest = hashlib.sha256()
    if path.is_file():
        digest.update(path.read_bytes())
        return digest.hexdigest()
    for file in _files(path):
        data = file.read_bytes()
        digest.update(f"{file.relative_to(path).as_posix()}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def content_bytes(path: Path) -> int:
    """Return the size of a file, or of all files in a folder, in bytes."""
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in _files(path))


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())
