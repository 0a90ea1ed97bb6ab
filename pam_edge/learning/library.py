"""Cut-outs and backgrounds, read once, checked, and held in memory.

A file that cannot be used is named with the reason and left out; it never stops a run that has begun.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.data_folder import need_data_folder
from pam_edge.errors import UsageError
from pam_edge.learning.config import DataConfig
from pam_edge.matting.images import read_cutout
from pam_edge.matting.picture_files import pictures_below

SMALLEST_SIDE = 32
_ANCHORS = 4000
_LEVELS = 3

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Foreground:
    """One cut-out, ready for composition.

    Attributes:
        name: path below the data folder.
        levels: uint8[H, W, 4], RGB straight (not premultiplied, continued into transparent pixels) and alpha; each
            level has half the size of the one before, so that shrinking does not alias.
        anchors: int32[A, 2], x and y at level 0 of pixels on the matte's edge or inside its soft part.
        weight: how often to draw it, relative to the others.
    """

    name: str
    levels: tuple[Pixels, ...]
    anchors: NDArray[np.int32]
    weight: float


@dataclass(frozen=True, slots=True)
class Background:
    """One background: its name and uint8[H, W, 3] RGB levels, each half the size of the one before."""

    name: str
    levels: tuple[Pixels, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """Everything that crops are made of.

    Attributes:
        problems: one line for each file that was left out, with its name and the reason.
    """

    foregrounds: tuple[Foreground, ...]
    backgrounds: tuple[Background, ...]
    problems: tuple[str, ...]


class UnusableFile(Exception):
    """A file cannot be trained on; the message is the reason. Caught where files are listed."""


def is_held_out(name: str, share: float) -> bool:
    """Tell by a hash of a cut-out's name whether it is kept for validation; the same on every machine."""
    digest = hashlib.sha256(Path(name).stem.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < share


def load_library(config: DataConfig, *, held_out: bool = False) -> Library:
    """Read all cut-outs of one split, and all backgrounds.

    Args:
        config: where the data is; ``root`` may also be a plain folder of RGBA cut-outs with ``backgrounds`` beside
            them.
        held_out: the validation split instead of the training split.

    Raises:
        UsageError: if the folder is absent or leaves nothing to train on.
    """
    root = need_data_folder(config.root)
    names = [name for name in _cutout_names(root) if is_held_out(name, config.held_out) == held_out]
    soft = _soft_fractions(root)
    with ThreadPoolExecutor() as pool:
        cutouts = list(pool.map(lambda name: _try(read_foreground, root, name, config, soft), names))
        backdrops = list(pool.map(lambda name: _try(read_background, root, name), _background_names(root, held_out)))
    found = tuple(item for item in cutouts if isinstance(item, Foreground) and item.weight > 0)
    behind = tuple(item for item in backdrops if isinstance(item, Background))
    problems = tuple(item for item in (*cutouts, *backdrops) if isinstance(item, str))
    if not found or not behind:
        reasons = "; ".join(problems[:5]) or "no image files"
        raise UsageError(f"{root} leaves {len(found)} cut-outs and {len(behind)} backgrounds to use: {reasons}.")
    return Library(found, behind, problems)


def _try(read, root: Path, name: str, *more):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN202
    try:
        return read(root, name, *more)
    except UnusableFile as error:
        return f"{name}: {error}"


def read_foreground(root: Path, name: str, config: DataConfig, soft: dict[str, float]) -> Foreground:
    """Read one cut-out and prepare it.

    Raises:
        UnusableFile: if it is corrupt, has no alpha, is opaque or empty everywhere, or is too small.
    """
    image = _read(root / name)
    check_cutout(image)
    alpha = image[..., 3]
    colour = fill_colour(image[..., :3], alpha)
    base = np.dstack([colour, alpha])
    fraction = soft.get(name, float(np.mean((alpha > 5) & (alpha < 250))))
    # Soft alpha is what matting is about; the square root keeps the softest files from crowding out the rest.
    share = float(np.sqrt(np.clip(fraction, 0.01, 0.2)))
    weight = share * config.source_weights.get(Path(name).parent.name, config.default_weight)
    return Foreground(name, tuple(_pyramid(base)), find_anchors(alpha), weight)


def check_cutout(image: Pixels) -> None:
    """Refuse an image that cannot be a cut-out.

    Raises:
        UnusableFile: with the reason.
    """
    if image.shape[2] != 4:
        raise UnusableFile("has no alpha channel; a cut-out is an RGBA image")
    alpha = image[..., 3]
    if min(alpha.shape) < SMALLEST_SIDE:
        raise UnusableFile(f"is {alpha.shape[1]}x{alpha.shape[0]} pixels; at least {SMALLEST_SIDE} a side are needed")
    if alpha.max() < 16:
        raise UnusableFile("is transparent everywhere: there is nothing to cut out")
    if alpha.min() > 127:
        raise UnusableFile("is opaque everywhere: its alpha says nothing")


def find_anchors(alpha: Pixels) -> NDArray[np.int32]:
    """Return x, y of pixels on the edge or in the soft part, at most 4000 evenly picked ones."""
    edge = cv2.morphologyEx(alpha, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 100
    rows, columns = np.nonzero(edge | ((alpha > 5) & (alpha < 250)))
    pick = np.linspace(0, len(rows) - 1, min(_ANCHORS, len(rows))).astype(np.int64)
    return np.stack([columns[pick], rows[pick]], 1).astype(np.int32)


def fill_colour(colour: Pixels, alpha: Pixels) -> Pixels:
    """Continue colours into transparent pixels, so that interpolation draws no dark fringe.

    Pull-push: average what is known at ever coarser levels, and fill the holes from there.
    """
    known = (alpha > 8).astype(np.float32)
    filled = _push(colour.astype(np.float32) * known[..., None], known)
    return np.asarray(np.where(known[..., None] > 0, colour, np.clip(filled, 0, 255)), np.uint8)


def _push(weighted: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = known.shape
    if known.min() > 0 or min(height, width) <= 1:
        return np.asarray(weighted / np.maximum(known, 1e-6)[..., None], np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    coarse = _push(
        cv2.resize(weighted, half, interpolation=cv2.INTER_AREA), cv2.resize(known, half, interpolation=cv2.INTER_AREA)
    )
    behind = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    have = np.minimum(known, 1.0)[..., None]
    return np.asarray(weighted / np.maximum(known, 1e-6)[..., None] * have + behind * (1 - have), np.float32)


def read_background(root: Path, name: str) -> Background:
    """Read one background.

    Raises:
        UnusableFile: if it is corrupt or too small.
    """
    image = _read(root / name)
    if min(image.shape[:2]) < SMALLEST_SIDE:
        raise UnusableFile(f"is {image.shape[1]}x{image.shape[0]} pixels; at least {SMALLEST_SIDE} a side are needed")
    return Background(name, tuple(_pyramid(image[..., :3])))


def _read(path: Path) -> Pixels:
    try:
        return read_cutout(path)
    except UsageError as error:
        raise UnusableFile(str(error)) from error


def _pyramid(base: Pixels) -> Iterator[Pixels]:
    level = base
    for _ in range(_LEVELS):
        yield np.ascontiguousarray(level)
        level = cv2.resize(level, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def _cutout_names(root: Path) -> list[str]:
    folder = root / "cutouts" if (root / "cutouts").is_dir() else root
    skip = root / "backgrounds"
    files = (path for path in pictures_below(folder) if skip not in path.parents)
    return sorted(path.relative_to(root).as_posix() for path in files)


def _background_names(root: Path, held_out: bool) -> list[str]:
    names = sorted(path.relative_to(root).as_posix() for path in pictures_below(root / "backgrounds"))
    split = [name for name in names if is_held_out(name, 0.1) == held_out]
    return split or names


def _soft_fractions(root: Path) -> dict[str, float]:
    index = root / "index.csv"
    if not index.is_file():
        return {}
    with index.open(newline="") as file:
        return {row["path"]: float(row["soft_fraction"]) for row in csv.DictReader(file) if row.get("soft_fraction")}
