"""Cut-outs and backgrounds, read once, checked, and held in memory.

A file that cannot be used is named with the reason and left out; it never stops a run that has begun.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.data_folder import need_data_folder
from pam_edge.errors import UsageError
from pam_edge.learning.config import DataConfig
from pam_edge.learning.sources import DataFiles, open_data, soft_fractions
from pam_edge.matting.images import read_cutout as read_picture

SMALLEST_SIDE = 32
_ANCHORS = 4000
_LEVELS = 3

Pixels = NDArray[np.uint8]
T = TypeVar("T")


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


def is_held_out(name: str, config: DataConfig) -> bool:
    """Tell whether a cut-out is kept for validation, by its name without folder and suffix; the same on every machine.

    A hash of the name decides, and the patterns of the data settings: pictures that share their subject, such as
    renders of one hair style, have to stand on one side.
    """
    stem = Path(name).stem
    return _falls_within(stem, config.held_out) or any(fnmatchcase(stem, rule) for rule in config.held_out_names)


def _falls_within(stem: str, share: float) -> bool:
    return int.from_bytes(hashlib.sha256(stem.encode()).digest()[:4], "big") / 2**32 < share


def load_library(config: DataConfig, *, held_out: bool = False) -> Library:
    """Read all cut-outs of one split, and all backgrounds.

    Args:
        config: where the data is; ``root`` may also be a plain folder of RGBA cut-outs with ``backgrounds`` beside
            them, or hold packs.
        held_out: the validation split instead of the training split.

    Raises:
        UsageError: if the folder is absent or leaves nothing to train on.
    """
    files = open_data(need_data_folder(config.root))
    names = [name for name in cutout_names(files) if is_held_out(name, config) == held_out]
    soft = soft_fractions(files)
    with ThreadPoolExecutor() as pool:
        cutouts = list(pool.map(_tried(partial(read_foreground, files, config=config, soft=soft)), names))
        backdrops = list(pool.map(_tried(partial(read_background, files)), background_names(files, held_out)))
    found = tuple(item for item in cutouts if isinstance(item, Foreground) and item.weight > 0)
    behind = tuple(item for item in backdrops if isinstance(item, Background))
    problems = tuple(item for item in (*cutouts, *backdrops) if isinstance(item, str))
    if not found or not behind:
        reasons = "; ".join(problems[:5]) or "no image files"
        raise UsageError(f"{config.root} leaves {len(found)} cut-outs and {len(behind)} backgrounds to use: {reasons}.")
    return Library(found, behind, problems)


def _tried(read: Callable[[str], T]) -> Callable[[str], T | str]:
    """Return a reader that answers with a line on what is wrong instead of raising."""

    def attempt(name: str) -> T | str:
        try:
            return read(name)
        except UnusableFile as error:
            return f"{name}: {error}"

    return attempt


def read_foreground(files: DataFiles, name: str, config: DataConfig, soft: dict[str, float]) -> Foreground:
    """Read one cut-out and prepare it.

    Raises:
        UnusableFile: if it is corrupt, has no alpha, is opaque or empty everywhere, or is too small.
    """
    base = read_cutout(files, name)
    alpha = base[..., 3]
    fraction = soft.get(name, soft_fraction(alpha))
    # Soft alpha is what matting is about; the square root keeps the softest files from crowding out the rest.
    share = float(np.sqrt(np.clip(fraction, 0.01, 0.2)))
    weight = share * config.source_weights.get(source_of(name), config.default_weight)
    return Foreground(name, tuple(_pyramid(base)), find_anchors(alpha), weight)


def source_of(name: str) -> str:
    """Return the folder that a picture lies in: where it is from."""
    return Path(name).parent.name


def soft_fraction(alpha: Pixels) -> float:
    """Return the share of half-transparent pixels."""
    return float(np.mean((alpha > 5) & (alpha < 250)))


def read_cutout(files: DataFiles, name: str) -> Pixels:
    """Return uint8[H, W, 4], RGBA, straight, continued into transparent pixels.

    Raises:
        UnusableFile: if it cannot be a cut-out.
    """
    image = _decode(files, name)
    check_cutout(image)
    return np.dstack([fill_colour(image[..., :3], image[..., 3]), image[..., 3]])


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


def read_background(files: DataFiles, name: str) -> Background:
    """Read one background.

    Raises:
        UnusableFile: if it is corrupt or too small.
    """
    return Background(name, tuple(_pyramid(read_backdrop(files, name))))


def read_backdrop(files: DataFiles, name: str) -> Pixels:
    """Return uint8[H, W, 3], RGB.

    Raises:
        UnusableFile: if it is corrupt or too small.
    """
    image = _decode(files, name)
    if min(image.shape[:2]) < SMALLEST_SIDE:
        raise UnusableFile(f"is {image.shape[1]}x{image.shape[0]} pixels; at least {SMALLEST_SIDE} a side are needed")
    return np.ascontiguousarray(image[..., :3])


def _decode(files: DataFiles, name: str) -> Pixels:
    """Return uint8[H, W, 3] or, with transparency, uint8[H, W, 4]."""
    try:
        return read_picture(Path(name), files.read(name))
    except (OSError, KeyError, UsageError) as error:
        raise UnusableFile(str(error)) from error


def _pyramid(base: Pixels) -> Iterator[Pixels]:
    level = base
    for _ in range(_LEVELS):
        yield np.ascontiguousarray(level)
        level = cv2.resize(level, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def cutout_names(files: DataFiles) -> list[str]:
    """Return the names of what lies in ``cutouts``, or of all but backgrounds where there is no such folder."""
    inside = [name for name in files.names if name.startswith("cutouts/")]
    return inside or [name for name in files.names if not name.startswith("backgrounds/")]


def background_names(files: DataFiles, held_out: bool) -> list[str]:
    """Return the backgrounds of one split; of all, where one would be empty."""
    names = [name for name in files.names if name.startswith("backgrounds/")]
    split = [name for name in names if _falls_within(Path(name).stem, 0.1) == held_out]
    return split or names
