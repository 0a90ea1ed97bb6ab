"""Which files of a folder are pictures, what they are called, and which belong together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp")
"""Ends of the names of pictures in folders, in any case. A file that is named by itself may end in anything."""


def is_picture(file: Path) -> bool:
    """Tell a picture by its name; hidden files are none, such as the ``._a.jpg`` that macOS leaves on other disks."""
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures that lie in a folder itself, in order of name; none where there is no folder."""
    return sorted(file for file in folder.iterdir() if is_picture(file)) if folder.is_dir() else []


def pictures_below(folder: Path) -> list[Path]:
    """Return the pictures in a folder and all that it holds, in order of name; none where there is no folder."""
    return sorted(file for file in folder.rglob("*") if is_picture(file)) if folder.is_dir() else []


def namesake(folder: Path, picture: str) -> Path | None:
    """Return the picture of a folder that belongs to another picture, by its name.

    Args:
        folder: where to look; it may be absent.
        picture: the other's file name. A file of that very name goes before one of another format.
    """
    stem = Path(picture).stem
    names = (picture, *(stem + end for suffix in SUFFIXES for end in (suffix, suffix.upper())))
    return next((folder / name for name in names if is_picture(folder / name)), None)


def unique_names(files: Sequence[Path]) -> list[str]:
    """Return a name for each file of a folder, safe in file names: without suffix, or with it where two would be alike.

    Names that differ in case alone count as alike: some disks keep one file for both.
    """
    shared = _repeated(file.stem for file in files)
    names = [file.name if file.stem.casefold() in shared else file.stem for file in files]
    return [file.name for file in files] if _repeated(names) else names


def _repeated(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(name.casefold() for name in names).items() if count > 1}
