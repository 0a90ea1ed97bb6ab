"""Take paths from callers, and write files whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from pam_edge.errors import UsageError


def as_path(name: str, value: str | os.PathLike[str]) -> Path:
    """Return what a caller gave as the path of a file or folder.

    Raises:
        UsageError: if it is neither text nor a path.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise UsageError(f"{name}: expected a path, as text or as pathlib.Path; got {value!r}. Give the path itself.")
    return Path(value)


def write_whole(file: Path, content: bytes | memoryview) -> None:
    """Write a file, and its folder, so that a reader sees all of it or what was there before.

    It gets the permissions that files of this user usually have.

    Raises:
        OSError: if it cannot be written; nothing is then left behind.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with draft.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
