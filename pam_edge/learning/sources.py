"""Where cut-outs and backgrounds are read from: a folder of files, or packs, which are such folders in few files."""

from __future__ import annotations

import csv
import io
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Protocol

from pam_edge.errors import UsageError
from pam_edge.matting.picture_files import SUFFIXES, pictures_below

INDEX = "index.csv"
PACK_SUFFIX = ".pack"
"""A pack is a ZIP file that compresses nothing, since pictures are compressed already."""


class DataFiles(Protocol):
    """Files by name, such as ``cutouts/source/picture.png``."""

    @property
    def names(self) -> list[str]:
        """All pictures, sorted."""
        ...

    def read(self, name: str) -> bytes:
        """Return a file's content; raises OSError or KeyError if it cannot be read."""
        ...


class Folder:
    """Files below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def names(self) -> list[str]:
        """All pictures, sorted."""
        return [path.relative_to(self.root).as_posix() for path in pictures_below(self.root)]

    def read(self, name: str) -> bytes:
        """Return a file's content."""
        return (self.root / name).read_bytes()


class Packs:
    """Files in the packs of a folder. A pack holds its own index; a picture in several packs is one picture."""

    def __init__(self, paths: list[Path]) -> None:
        try:
            self._packs = [zipfile.ZipFile(path) for path in paths]
        except zipfile.BadZipFile as error:
            listed = ", ".join(map(str, paths))
            raise UsageError(
                f"Expected packs of matting data in {listed}; {error}. Make them again: data pack."
            ) from error
        self._where = {name: pack for pack in self._packs for name in pack.namelist()}

    @cached_property
    def names(self) -> list[str]:
        """All pictures, sorted."""
        return sorted(name for name in self._where if Path(name).suffix.lower() in SUFFIXES)

    def read(self, name: str) -> bytes:
        """Return a file's content; an index is that of all packs together."""
        if name == INDEX:
            return b"".join(pack.read(INDEX) for pack in self._packs if INDEX in pack.namelist())
        return self._where[name].read(name)


def open_data(root: Path) -> DataFiles:
    """Return the data of a folder: its packs, if it holds any, or the files below it.

    Raises:
        UsageError: if there is no such folder, or a pack is damaged.
    """
    if not root.is_dir():
        raise UsageError(
            f"Expected matting data (folders cutouts and backgrounds) in {root}; there is no such folder. "
            "Set data.root in the recipe, or --data."
        )
    packs = sorted(root.glob(f"*{PACK_SUFFIX}"))
    return Packs(packs) if packs else Folder(root)


def soft_fractions(files: DataFiles) -> dict[str, float]:
    """Return the share of half-transparent pixels by name, as far as the data's index says it."""
    try:
        text = files.read(INDEX).decode()
    except (OSError, KeyError):
        return {}
    # The packs' indices follow each other, each with its heading.
    rows = csv.DictReader(io.StringIO(text))
    return {row["path"]: float(row["soft_fraction"]) for row in rows if _is_number(row.get("soft_fraction"))}


def _is_number(text: str | None) -> bool:
    return bool(text) and text != "soft_fraction"
