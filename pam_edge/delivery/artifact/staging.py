"""Folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pam_edge.errors import UsageError

_MARK = ".partial-"
_REPLACED = "-replaced"


def check_free(directory: Path) -> None:
    """Refuse a folder that cannot be one's own to write.

    Raises:
        UsageError: if it holds something, is a file, or is one that the command runs in.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        found = "holds files" if directory.is_dir() else "is a file"
        raise UsageError(f"-o {directory}: expected a folder that is empty or not there yet; it {found}. Name another.")
    if Path.cwd().is_relative_to(directory.resolve()):
        raise UsageError(f"-o {directory}: expected a new folder; the command runs inside this one. Name another.")


def check_replaceable(directory: Path, mark: str) -> None:
    """Refuse to replace what is no earlier result: a file, or a folder of somebody's own.

    Args:
        directory: that is to be written.
        mark: name of the file that every result holds.

    Raises:
        UsageError: if something else is there; an empty folder may go.
    """
    if not directory.exists() or (directory / mark).is_file():
        return
    if not directory.is_dir() or any(directory.iterdir()):
        found = f"a folder without {mark}" if directory.is_dir() else "a file"
        raise UsageError(
            f"Expected nothing at {directory}, or an earlier artifact to replace; found {found}. Move it away, or name "
            "another folder with --out."
        )


@contextmanager
def staging(final: Path) -> Iterator[Path]:
    """Give a temporary folder beside the final one, removed on the way out unless it was delivered.

    What earlier runs left behind when they were killed is put right first. A link's final folder is what it leads to.
    """
    final = final.resolve()
    final.parent.mkdir(parents=True, exist_ok=True)
    _recover(final)
    folder = final.with_name(f".{final.name}{_MARK}{os.getpid()}")
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def deliver(folder: Path, final: Path) -> None:
    """Rename a finished folder into place; a folder that was there before is replaced."""
    final = final.resolve()
    replaced = folder.with_name(folder.name + _REPLACED)
    if final.exists():
        final.rename(replaced)
    folder.rename(final)
    shutil.rmtree(replaced, ignore_errors=True)


def _recover(final: Path) -> None:
    """Remove the remains of runs whose process has ended; a folder caught between two renames goes back."""
    for left in final.parent.glob(f".{final.name}{_MARK}*"):
        pid = left.name.split(_MARK)[1].removesuffix(_REPLACED)
        if pid.isdigit() and int(pid) != os.getpid() and _alive(int(pid)):
            continue
        if left.name.endswith(_REPLACED) and not final.exists():
            left.rename(final)
        else:
            shutil.rmtree(left, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
