"""Pictures to judge parity on and to show: photographs with trimaps, and images made to be hard.

The bundled photographs are in the public domain and come inside scikit-image's wheel; nothing is downloaded. Their
trimaps, beside this module, were made for this project.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from pam_edge.data_folder import DATA_VARIABLE, data_folder
from pam_edge.errors import UsageError
from pam_edge.matting.images import read_image, read_mask, read_trimap
from pam_edge.matting.picture_files import SUFFIXES, namesake, pictures_in, unique_names
from pam_edge.matting.trimaps import BACKGROUND, FOREGROUND, UNKNOWN, clean_trimap, trimap_from_mask
from pam_edge.runtimes.base import LastFrame

_TRIMAPS = Path(__file__).with_name("pictures")
_ALPHA_BAND_PX = 10
"""Reach of the unknown region around an alpha matte's soft pixels, at the picture's own size."""

_BUNDLED: dict[str, tuple[Callable[[], NDArray[np.uint8]], str]] = {
    "astronaut": (skimage.data.astronaut, "NASA (Eileen Collins), public domain, in scikit-image"),
    "chelsea": (skimage.data.chelsea, "Stefan van der Walt, CC0, in scikit-image"),
    "coffee": (skimage.data.coffee, "Rachel Michetti, CC0, in scikit-image"),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """An image, what is known of it, and where it comes from.

    Attributes:
        name: short, unique within its set, safe in file names.
        image: uint8[H,W,3], RGB.
        trimap: uint8[H,W] of 0 background, 128 unknown, 255 foreground.
        kind: a real photograph, or made to be hard.
        source: whose it is and under which licence, or how it was made.
        mask: uint8[h,w], of pictures for graphs that take one; the trimap is then what they should make of it.
        last: what a live graph is told of the frame before; None of a first frame, and for all other graphs.
    """

    name: str
    image: NDArray[np.uint8]
    trimap: NDArray[np.uint8]
    kind: Literal["photograph", "adversarial"]
    source: str
    mask: NDArray[np.uint8] | None = None
    last: LastFrame | None = None

    @property
    def given(self) -> NDArray[np.uint8]:
        """What a graph is given beside the image: mask or trimap."""
        return self.trimap if self.mask is None else self.mask


def bundled_pictures() -> tuple[Picture, ...]:
    """Return the photographs that are there wherever pam-edge is installed, at their own sizes (300 to 600 px)."""
    return tuple(_bundled(name, load, source) for name, (load, source) in _BUNDLED.items())


def data_pictures(folder: Path | None = None) -> tuple[Picture, ...]:
    """Return the evaluation photographs of a data folder, ``val/*/image`` with ``val/*/alpha``, at their own sizes.

    Args:
        folder: of the data; by default the one that ``PAM_EDGE_DATA`` names.

    Returns:
        The photographs in order of name; empty where no folder is named or it holds none, which callers report.

    Raises:
        UsageError: if there is no such folder, or a photograph cannot be used.
    """
    sets = _data_sets(data_folder(folder))
    return tuple(
        replace(picture, name=f"{each.name}-{picture.name}") for each in sets for picture in folder_pictures(each)
    )


def judged_on(images: Path | None) -> str:
    """Return which pictures parity is judged on: those of a user's folder, or what there is without one."""
    if images is not None:
        return f"the photographs in {images}"
    data = data_folder()
    more = f", and photographs in {data} ({DATA_VARIABLE})" if _data_sets(data) else ""
    return f"the bundled photographs and adversarial pictures{more}"


def folder_pictures(folder: Path) -> tuple[Picture, ...]:
    """Return a user's own photographs.

    The images lie in the folder or in its ``image/``. What is known of ``NAME.jpg`` (any common format) is, by first
    found: ``NAME.trimap.png`` beside it, a file of its name in a folder ``trimap/``, or one in a folder ``alpha/``
    (a matte or mask, whose edge becomes unknown); those folders lie inside the images' folder or beside it. Of two
    pictures that differ in their suffix alone, each may have a file of its own there, with the same suffix.

    Raises:
        UsageError: if the folder is missing or holds no image, an image has no trimap, or a file cannot be used.
    """
    images = folder / "image" if (folder / "image").is_dir() else folder
    if not images.is_dir():
        found = "it is a file" if images.exists() else "there is none"
        raise UsageError(f"Expected a folder of photographs at {folder}; {found}. Check the path.")
    files = [file for file in pictures_in(images) if not file.stem.endswith(".trimap")]
    if not files:
        raise UsageError(f"Expected photographs ({', '.join(SUFFIXES)}) in {images}; found none.")
    return tuple(_from_files(name, file) for name, file in zip(unique_names(files), files, strict=True))


def adversarial_pictures(height: int, width: int) -> tuple[Picture, ...]:
    """Return images that no photograph covers, the same at every call: flat, extreme, saturated, and noise."""
    rows, columns = np.mgrid[:height, :width]
    greys = np.array([BACKGROUND, UNKNOWN, FOREGROUND], np.uint8)
    random = np.random.default_rng(2)
    primaries = np.array([[255 * (n >> 2 & 1), 255 * (n >> 1 & 1), 255 * (n & 1)] for n in range(8)], np.uint8)
    extremes = ((rows // 8 + columns // 8) % 2 * 255).astype(np.uint8)
    # At least two cells each way, or a small picture would be known all over.
    cell = min(32, height // 2, width // 2)
    made = {
        "flat": (np.full((height, width, 3), 127, np.uint8), np.full((height, width), UNKNOWN, np.uint8)),
        "extremes": (np.repeat(extremes[..., None], 3, axis=2), greys[(rows // cell + columns // cell) % 3]),
        "stripes": (primaries[columns // 16 % 8], greys[rows // 24 % 3]),
        "noise": (
            random.integers(0, 256, (height, width, 3), np.uint8),
            greys[random.integers(0, 3, (height, width))],
        ),
    }
    return tuple(Picture(name, image, trimap, "adversarial", "computed") for name, (image, trimap) in made.items())


def fit(picture: Picture, height: int, width: int) -> Picture:
    """Return the picture resized, its aspect ratio changed where need be; the trimap keeps its three values."""
    if picture.trimap.shape == (height, width):
        return picture
    shrinks = height <= picture.trimap.shape[0] and width <= picture.trimap.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    trimap = cv2.resize(picture.trimap, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    if not (trimap == UNKNOWN).any():
        trimap[_share_of_unknown(picture.trimap, height, width) > 0] = UNKNOWN
    image = cv2.resize(picture.image, (width, height), interpolation=method)
    return replace(picture, image=image, trimap=trimap)


def _share_of_unknown(trimap: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float32]:
    """Return float32[height, width]: how much of a smaller picture's pixel was unknown.

    Every few pixels of a thin band can fall between those that a small size keeps, and parity is judged in the band.
    """
    unknown = (trimap == UNKNOWN).astype(np.float32)
    return np.asarray(cv2.resize(unknown, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _data_sets(folder: Path | None) -> list[Path]:
    return sorted(path.parent for path in folder.glob("val/*/image") if path.is_dir()) if folder else []


def _bundled(name: str, load: Callable[[], NDArray[np.uint8]], source: str) -> Picture:
    image = load()
    trimap = read_trimap(_TRIMAPS / f"{name}.trimap.png", image.shape[0], image.shape[1])
    return Picture(name, image, trimap, "photograph", source)


def _from_files(name: str, file: Path) -> Picture:
    image = read_image(file)
    trimap = _trimap_for(file, image.shape[0], image.shape[1])
    if not (clean_trimap(trimap) == UNKNOWN).any():
        raise UsageError(
            f"Expected unknown pixels in the trimap of {file}, where parity is judged; it has none. Give another "
            "trimap, or leave the picture out."
        )
    return Picture(name, image, trimap, "photograph", str(file))


def _trimap_for(file: Path, height: int, width: int) -> NDArray[np.uint8]:
    beside = file.with_name(f"{file.stem}.trimap.png")
    trimap = beside if beside.is_file() else _partner(file, "trimap")
    if trimap is not None:
        return read_trimap(trimap, height, width)
    alpha = _partner(file, "alpha")
    if alpha is not None:
        return trimap_from_mask(read_mask(alpha, height, width), _ALPHA_BAND_PX)
    raise UsageError(
        f"Expected a trimap or an alpha matte for {file}; found neither {beside.name} beside it nor a file "
        f"named {file.stem} in a folder trimap/ or alpha/. Add one: it says where the edge is."
    )


def _partner(file: Path, kind: str) -> Path | None:
    return namesake(file.parent / kind, file.name) or namesake(file.parent.parent / kind, file.name)
