"""Take paths from callers, read text, and write files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from pam_edge.errors import PamEdgeError, UsageError


def as_path(name: str, value: str | os.PathLike[str]) -> Path:
    """Return what a caller gave as the path of a file or folder.

    Raises:
        UsageError: if it is neither text nor a path, or no file can have that name.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise UsageError(
            f"{name}: expected a path, as text or as pathlib.Path; got {value!r:.80}. Give the path itself."
        )
    path = Path(value)
    try:
        path.exists()
    except (OSError, ValueError) as error:  # too long, or with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{name}: expected a path; got {str(path)[:60]!r} ...: {reason}. Check it.") from error
    return path


def read_text(file: Path, expected: str, error: type[PamEdgeError] = UsageError) -> str:
    """Read a file of text.

    Args:
        file: to read.
        expected: what it is to hold, for the error, such as ``samples (JSON)``.
        error: to raise.

    Raises:
        PamEdgeError: the one asked for, if there is no such file or it holds something else than text.
    """
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise error(f"Expected {expected} at {file}; it cannot be read: {why_unreadable(e)}. Check the path.") from e


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Return what was found in the place of a file that was to be read."""
    match error:
        case UnicodeDecodeError():
            return "it holds no text, as a picture or an archive does not"
        case IsADirectoryError():
            return "it is a folder"
        case FileNotFoundError():
            return "there is no such file"
        case _:
            return error.strerror or str(error)


def check_can_write(name: str, file: Path) -> None:
    """Refuse a file that cannot be written, before the work whose result it is to hold; nothing is left behind.

    Args:
        name: of the option, for the error.
        file: to be written, with the folders that it lacks.

    Raises:
        UsageError: saying what is in the way.
    """
    found = what_is_in_the_way(file)
    if found is not None:
        raise UsageError(
            f"{name}: expected a file that can be written; got {file}: {found}. Name a file in a folder that you may "
            "write to."
        )


def what_is_in_the_way(file: Path) -> str | None:
    """Return why a file cannot be written, None if nothing is known against it; nothing is left behind."""
    try:
        if file.exists() and not file.is_file():
            return "it is a folder" if file.is_dir() else "it is neither a file nor a folder"
        _draft_of(file).exists()  # or its name is too long
        folder = next(each for each in file.absolute().parents if each.exists())
        if not folder.is_dir():
            return f"{folder} is a file, not a folder"
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)


def write_whole(file: Path, content: bytes | memoryview) -> None:
    """Write a file, and its folder, so that a reader sees all of it or what was there before.

    It gets the permissions that files of this user usually have.

    Raises:
        OSError: if it cannot be written, and of its name; nothing is then left behind.
    """
    draft = _draft_of(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(file)) from error
    finally:
        with suppress(OSError):  # what went wrong before says more
            draft.unlink(missing_ok=True)


def _draft_of(file: Path) -> Path:
    return file.with_name(f".{file.name}.{os.getpid()}")
