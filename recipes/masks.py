"""What matting does for the mask that an app has: SAD of the whole picture before and after, by kind of mask.

python recipes/masks.py --checkpoint pam-tiny pam-small --data … [--sets val/triangulation …]

Masks are made of true alphas as platforms give them. Each is refined along the whole path, with the band that a graph
of ``convert --inputs mask`` makes of it at the picture's size.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pam_edge.evaluation.datasets import Case, find_cases
from pam_edge.evaluation.methods import to_padded_tensors
from pam_edge.graphs.ends import Ends
from pam_edge.learning.config import load_recipe
from pam_edge.learning.heldout import heldout_cases
from pam_edge.matting.trimaps import default_band_px
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Source

Mask = NDArray[np.uint8]


def _hard(alpha: NDArray[np.float32]) -> Mask:
    return np.where(alpha >= 0.5, np.uint8(255), np.uint8(0))


def _soft(alpha: NDArray[np.float32]) -> Mask:
    return cv2.GaussianBlur(_hard(alpha), (0, 0), 0.006 * min(alpha.shape))


def _low(alpha: NDArray[np.float32]) -> Mask:
    """Return a hard mask of a quarter of the height and width, as segmentation networks give them."""
    height, width = alpha.shape
    return cv2.resize(_hard(alpha), (width // 4, height // 4), interpolation=cv2.INTER_AREA)


def _shifted(alpha: NDArray[np.float32]) -> Mask:
    moved = np.float32([[1, 0, 3], [0, 1, 3]])
    return cv2.warpAffine(
        _hard(alpha), moved, alpha.shape[::-1], flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
    )


def _with_holes(alpha: NDArray[np.float32]) -> Mask:
    """Return a hard mask with five holes and five islands, as wide as the band reaches."""
    mask = _hard(alpha)
    radius = default_band_px(*alpha.shape) // 2
    random = np.random.default_rng(alpha.shape)
    for value, places in ((0, np.argwhere(mask == 255)), (255, np.argwhere(mask == 0))):
        for y, x in random.permutation(places)[:5].tolist():
            cv2.circle(mask, (x, y), radius, value, -1)
    return mask


KINDS: dict[str, Callable[[NDArray[np.float32]], Mask]] = {
    "hard": _hard,
    "soft": _soft,
    "low resolution": _low,
    "shifted by 3 pixels": _shifted,
    "holes and islands": _with_holes,
}


def refine(supernet: Supernet, image: Mask, mask: Mask) -> NDArray[np.float32]:
    """Return alpha float32[H, W] of image uint8[H, W, 3] with a mask uint8[h, w], along the whole path."""
    height, width = image.shape[:2]
    with torch.inference_mode():
        picture, given = to_padded_tensors(image, cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR))
        ends = Ends(Source.MASK, band_px=default_band_px(height, width))
        trimap = ends.make_trimap(given, None, *picture.shape[2:])
        path = PathSpec((True,) * supernet.block_count)
        return supernet(picture, trimap, path=path).alpha[0, 0, :height, :width].numpy()


def compare(supernet: Supernet, cases: tuple[Case, ...], kind: str) -> tuple[float, float]:
    """Return mean whole-picture SAD, in thousands, of a kind of mask before and after."""
    before, after = [], []
    for case in cases:
        sample = case.load()
        mask = KINDS[kind](sample.alpha)
        height, width = sample.alpha.shape
        given = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
        before.append(np.abs(given - sample.alpha).sum() / 1000)
        after.append(np.abs(refine(supernet, sample.image, mask) - sample.alpha).sum() / 1000)
    return float(np.mean(before)), float(np.mean(after))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", nargs="+", default=["pam-tiny", "pam-small"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="*", default=["val/triangulation", "val/joker_dim_test"])
    options = parser.parse_args()
    recipe = load_recipe(Path(__file__).with_name("validation.toml"))
    sets = {"composites": heldout_cases(recipe.data.model_copy(update={"root": options.data}))}
    sets |= {name: find_cases(options.data / name) for name in options.sets}
    for reference in options.checkpoint:
        supernet = load_checkpoint(reference).supernet
        for name, cases in sets.items():
            for kind in KINDS:
                before, after = compare(supernet, cases, kind)
                print(f"{reference:10} {name:20} {len(cases):3} {kind:20} {before:8.2f} -> {after:8.2f}", flush=True)


if __name__ == "__main__":
    main()
