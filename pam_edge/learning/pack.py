"""Pack matting data into few files: pictures shrunk to what crops use, and strands drawn beside them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np

from pam_edge.learning.library import (
    Pixels,
    UnusableFile,
    background_names,
    cutout_names,
    fill_colour,
    read_backdrop,
    read_cutout,
    soft_fraction,
)
from pam_edge.learning.sources import INDEX, PACK_SUFFIX, DataFiles, open_data
from pam_edge.learning.strands import grow_on, strand_picture

GROWN = "grown"
"""Source of cut-outs with strands on their borders; each has its cut-out's name, and so its side of the split."""
STRANDS = "strands"
"""Source of strands alone."""
STRANDS_PACK = f"{STRANDS}{PACK_SUFFIX}"
_STRANDS_SIDE = 320
_SEED = 20


@dataclass(frozen=True, slots=True)
class PackSettings:
    """How pictures are stored.

    Attributes:
        side: longest side in pixels; larger pictures are shrunk.
        quality: of WebP, 1 to 100; alpha is stored without loss.
        strands: pictures of strands alone, and as many of strands grown on cut-outs.
    """

    side: int = 544
    quality: int = 72
    strands: int = 0


@dataclass(frozen=True, slots=True)
class Packed:
    """A pack that was written.

    Attributes:
        path: of the file.
        pictures: how many it holds.
        size_bytes: of the file.
        problems: name and reason of each picture that was left out.
    """

    path: Path
    pictures: int
    size_bytes: int
    problems: tuple[str, ...]


Entry = tuple[str, bytes, float | None]
"""Name, content, and share of half-transparent pixels, of one picture of a pack."""


def pack_data(root: Path, out: Path, settings: PackSettings, workers: int) -> list[Packed]:
    """Write ``cutouts.pack``, ``backgrounds.pack`` and, if asked for, ``strands.pack`` into a folder.

    Args:
        root: data, in files or packs.
        out: folder that receives the packs.
        settings: how pictures are stored.
        workers: processes.

    Raises:
        UsageError: if the data is absent.
    """
    names = open_data(root)
    backs = [*background_names(names, False), *background_names(names, True)]
    with ProcessPoolExecutor(workers) as pool:
        cutouts = _map(pool, partial(_pack_cutout, root, settings), cutout_names(names))
        behind = _map(pool, partial(_pack_background, root, settings), sorted(set(backs)))
        packs = [
            write_pack(out / f"cutouts{PACK_SUFFIX}", cutouts),
            write_pack(out / f"backgrounds{PACK_SUFFIX}", behind),
        ]
        if settings.strands:
            packs.append(pack_strands(root, out, settings.strands, pool))
    return packs


def pack_strands(root: Path, out: Path, count: int, pool: Executor) -> Packed:
    """Write ``strands.pack``: so many pictures of strands alone, and up to so many grown on cut-outs."""
    names = cutout_names(open_data(root))
    chosen = np.random.default_rng(_SEED).permutation(len(names))[:count]
    alone = _map(pool, _draw_strands, range(count))
    grown = _map(pool, partial(_grow_strands, root), [names[index] for index in sorted(chosen.tolist())])
    return write_pack(out / STRANDS_PACK, (entry for entries in (alone, grown) for entry in entries))


def _map(pool: Executor, function: Callable[..., Entry | str], items: Iterable[object]) -> Iterator[Entry | str]:
    return iter(pool.map(function, items, chunksize=8))


def write_pack(path: Path, entries: Iterable[Entry | str]) -> Packed:
    """Write a pack, whole or not at all; an entry that is a text is a problem."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.partial")
    index, problems = io.StringIO(), []
    rows = csv.writer(index)
    rows.writerow(["path", "soft_fraction"])
    count = 0
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as pack:
        for entry in entries:
            if isinstance(entry, str):
                problems.append(entry)
                continue
            name, content, fraction = entry
            # A fixed date: the same pictures give the same file.
            pack.writestr(zipfile.ZipInfo(name), content)
            rows.writerow([name, "" if fraction is None else f"{fraction:.4f}"])
            count += 1
        pack.writestr(zipfile.ZipInfo(INDEX), index.getvalue())
    draft.replace(path)
    return Packed(path, count, path.stat().st_size, tuple(problems))


def _pack_cutout(root: Path, settings: PackSettings, name: str) -> Entry | str:
    try:
        cutout = read_cutout(_open(root), name)
    except UnusableFile as error:
        return f"{name}: {error}"
    return _entry(Path(name).with_suffix(".webp").as_posix(), shrink_cutout(cutout, settings.side), settings.quality)


def _pack_background(root: Path, settings: PackSettings, name: str) -> Entry | str:
    try:
        picture = read_backdrop(_open(root), name)
    except UnusableFile as error:
        return f"{name}: {error}"
    small = _shrink(picture, settings.side)
    return Path(name).with_suffix(".webp").as_posix(), _encode(small, settings.quality), None


def _draw_strands(number: int) -> Entry:
    picture = strand_picture(np.random.default_rng((_SEED, number)), _STRANDS_SIDE)
    return _entry(f"cutouts/{STRANDS}/strands{number:05d}.webp", picture, 90)


def _grow_strands(root: Path, name: str) -> Entry | str:
    try:
        cutout = read_cutout(_open(root), name)
    except UnusableFile as error:
        return f"{name}: {error}"
    # Seeded by name: what is grown on a cut-out does not depend on which others there are.
    rng = np.random.default_rng([_SEED, *Path(name).stem.encode()])
    return _entry(
        f"{Path(name).parent.as_posix()}/{GROWN}/{Path(name).stem}.webp", grow_on(rng, cutout, _STRANDS_SIDE), 90
    )


@cache
def _open(root: Path) -> DataFiles:
    """List a folder once in each process."""
    return open_data(root)


def _entry(name: str, cutout: Pixels, quality: int) -> Entry:
    return name, _encode(cutout, quality), soft_fraction(cutout[..., 3])


def shrink_cutout(cutout: Pixels, side: int) -> Pixels:
    """Shrink an RGBA cut-out to a longest side; colours weigh by alpha."""
    if max(cutout.shape[:2]) <= side:
        return cutout
    alpha = cutout[..., 3:].astype(np.float32)
    small = _shrink(np.dstack([cutout[..., :3] * (alpha / 255), alpha]), side)
    level = np.clip(np.rint(small[..., 3]), 0, 255).astype(np.uint8)
    straight = small[..., :3] / np.maximum(small[..., 3:] / 255, np.float32(1e-3))
    return np.dstack([fill_colour(np.clip(np.rint(straight), 0, 255).astype(np.uint8), level), level])


def _shrink(picture, side: int):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    factor = side / max(picture.shape[:2])
    if factor >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _encode(picture: Pixels, quality: int) -> bytes:
    order = [2, 1, 0, 3][: picture.shape[2]]
    return cv2.imencode(".webp", picture[..., order], [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
