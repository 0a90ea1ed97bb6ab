"""What a live graph does for video: flicker, error and changes of path on clips whose every frame has a true alpha.

python recipes/clips.py --checkpoint pam-tiny pam-small --data …

Held-out cut-outs move over held-out backgrounds under a camera's noise, or stand still. Masks are made of the true
alphas as platforms give them, frame by frame. Scores are of all frames but the first: whole-picture SAD and dtSSD.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pam_edge.evaluation.budget_table import calibrated_budget_table
from pam_edge.evaluation.metrics import dtssd
from pam_edge.evaluation.parity import as_tensors
from pam_edge.graphs.band import unknown_band
from pam_edge.graphs.governed import run_governed
from pam_edge.graphs.governor import GovernorCosts
from pam_edge.graphs.previous import damp, doubt
from pam_edge.learning.config import DataConfig, load_recipe
from pam_edge.learning.heldout import cover, heldout_layers
from pam_edge.matting.trimaps import default_band_px
from pam_edge.planning.cost import mac_cost_table
from pam_edge.supernet.checkpoint import Checkpoint, load_checkpoint
from pam_edge.supernet.network import compose_alpha
from pam_edge.supernet.path import PathSpec

SIDE, FRAMES = 256, 12
FASTEST, FASTEST_BACKGROUND = 0.01, 0.005
"""Shares of the picture's side by which cut-out and background move from frame to frame, at most."""
FASTEST_ZOOM = 0.01
CAMERA_NOISE = 3.0
"""Standard deviation, in grey levels."""
SHARES = (0.65, 0.7, 0.775, 0.85, 0.9, 0.95)
"""Budgets under which paths are counted, as shares of the full path's cost."""

Alpha = NDArray[np.float32]
Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame and its truth: image uint8[S, S, 3], alpha float32[S, S]."""

    image: NDArray[np.uint8]
    alpha: Alpha


def make_clips(config: DataConfig, count: int, *, moving: bool) -> Iterator[list[Frame]]:
    """Yield clips of held-out cut-outs, evenly picked, each with its own motion."""
    fronts, backs = heldout_layers(config)
    for number, pick in enumerate(np.linspace(0, len(fronts) - 1, count).round().astype(int).tolist()):
        rng = np.random.default_rng((11, number))
        yield list(_film(fronts[pick].levels[0], backs[number % len(backs)].levels[0], rng, float(moving)))


def _film(front: NDArray[np.uint8], back: NDArray[np.uint8], rng: np.random.Generator, speed: float) -> Iterator[Frame]:
    layer = front.astype(np.float32)
    layer[..., 3:] /= 255
    layer[..., :3] *= layer[..., 3:]
    scale = 0.8 * SIDE / max(layer.shape[:2])
    layer = cv2.resize(layer, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    behind = cover(back, SIDE * 5 // 4, SIDE * 5 // 4)
    steps = speed * SIDE * FASTEST * rng.uniform(-1, 1, 2)
    steps_behind = speed * SIDE * FASTEST_BACKGROUND * rng.uniform(-1, 1, 2)
    zoom = speed * FASTEST_ZOOM * rng.uniform(-1, 1)
    for time in range(FRAMES):
        moved = _move(layer, steps * (time - FRAMES / 2), 1 + zoom * time, cv2.BORDER_CONSTANT)
        alpha = np.clip(moved[..., 3], 0, 1)
        place = _move(behind, steps_behind * time, 1.0, cv2.BORDER_REFLECT)
        seen = moved[..., :3] + place * (1 - alpha[..., None]) + rng.normal(0, CAMERA_NOISE, (SIDE, SIDE, 3))
        yield Frame(np.clip(np.rint(seen), 0, 255).astype(np.uint8), alpha)


def _move(layer: Alpha, offset: NDArray[np.float64], scale: float, border: int) -> Alpha:
    """Put a layer's centre at an offset from the picture's."""
    height, width = layer.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 0, scale)
    matrix[:, 2] += np.array([SIDE - width, SIDE - height]) / 2 + offset
    return np.asarray(cv2.warpAffine(layer, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=border))


def _hard(alpha: Alpha, _: np.random.Generator) -> Mask:
    return np.where(alpha >= 0.5, np.uint8(255), np.uint8(0))


def _low(alpha: Alpha, rng: np.random.Generator) -> Mask:
    """Return a hard mask of a quarter of the height and width, enlarged as graphs enlarge it."""
    small = cv2.resize(_hard(alpha, rng), (SIDE // 4, SIDE // 4), interpolation=cv2.INTER_AREA)
    return cv2.resize(np.where(small >= 128, np.uint8(255), np.uint8(0)), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)


def _flickering(alpha: Alpha, rng: np.random.Generator) -> Mask:
    """Return a hard mask whose edge wobbles by 1 % of the side, and with two holes and two islands, anew each frame."""
    hard = _hard(alpha, rng)
    inside, outside = (cv2.distanceTransform(side, cv2.DIST_L2, 3) for side in (hard, 255 - hard))
    wobble = cv2.resize(rng.normal(0, 0.01 * SIDE, (8, 8)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    mask = np.where(inside - outside + wobble > 0, np.uint8(255), np.uint8(0))
    for value, places in ((0, np.argwhere(hard == 255)), (255, np.argwhere(hard == 0))):
        for y, x in rng.permutation(places)[:2].tolist():
            cv2.circle(mask, (x, y), SIDE // 85, value, -1)
    return mask


KINDS: dict[str, Callable[[Alpha, np.random.Generator], Mask]] = {
    "hard": _hard,
    "low resolution": _low,
    "flickering": _flickering,
}


@dataclass(frozen=True, slots=True)
class Seam:
    """Which parts of a live graph are used."""

    doubts: bool
    damps: bool


SEAMS = {
    "mask": Seam(False, False),
    "doubt": Seam(True, False),
    "damping": Seam(False, True),
    "mask+previous": Seam(True, True),
}


def matte_clip(checkpoint: Checkpoint, clip: list[Frame], kind: str, seam: Seam) -> list[Alpha]:
    """Return a clip's alphas along the full path."""
    rng, alphas, path = np.random.default_rng(0), [], PathSpec.full(checkpoint.supernet.block_count)
    previous = None
    for frame in clip:
        image, mask = as_tensors(frame.image, KINDS[kind](frame.alpha, rng))
        with torch.inference_mode():
            trimap = unknown_band(mask, default_band_px(SIDE, SIDE))
            if previous is not None and seam.doubts:
                trimap = doubt(trimap, previous)
            alpha = checkpoint.supernet(image, trimap, path=path).alpha
            if previous is not None and seam.damps:
                alpha = compose_alpha(damp(alpha, previous), trimap)
        previous = alpha
        alphas.append(alpha[0, 0].numpy())
    return alphas


def score_clip(clip: list[Frame], alphas: list[Alpha]) -> tuple[float, float]:
    """Return mean whole-picture SAD, in thousands, and dtSSD, of all frames but the first."""
    truths = [frame.alpha for frame in clip][1:]
    sads = [np.abs(alpha - truth).sum() / 1000 for alpha, truth in zip(alphas[1:], truths, strict=True)]
    return float(np.mean(sads)), dtssd(alphas[1:], truths)


def follow_paths(checkpoint: Checkpoint, clip: list[Frame], share: float, *, sticks: bool) -> tuple[int, float]:
    """Return how many blocks changed over a clip, and its mean SAD, where gates choose for masks of low resolution."""
    costs = GovernorCosts.of(mac_cost_table(checkpoint.config, SIDE, SIDE))
    table = calibrated_budget_table(checkpoint, costs)
    rng, last, changes, sads = np.random.default_rng(0), None, 0, []
    for frame in clip:
        image, mask = as_tensors(frame.image, _low(frame.alpha, rng))
        trimap = unknown_band(mask, default_band_px(SIDE, SIDE))
        found = run_governed(
            checkpoint.supernet, costs, table, image, trimap, share * costs.full, last if sticks else None
        )
        if last is not None:
            changes += sum(one != other for one, other in zip(found.path.runs, last.runs, strict=True))
        last = found.path
        sads.append(np.abs(found.alpha[0, 0].numpy() - frame.alpha).sum() / 1000)
    return changes, float(np.mean(sads))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", nargs="+", default=["pam-tiny", "pam-small"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=12)
    options = parser.parse_args()
    recipe = load_recipe(Path(__file__).with_name("validation.toml"))
    config = recipe.data.model_copy(update={"root": options.data})
    for motion, moving in (("moving", True), ("still", False)):
        clips = list(make_clips(config, options.clips, moving=moving))
        for checkpoint in map(load_checkpoint, options.checkpoint):
            checkpoint.supernet.eval()
            for kind in KINDS:
                for name, seam in SEAMS.items():
                    scores = [score_clip(clip, matte_clip(checkpoint, clip, kind, seam)) for clip in clips]
                    sad, flicker = np.mean(scores, axis=0)
                    print(
                        f"{checkpoint.title:10} {motion:7} {kind:15} {name:14} SAD {sad:7.3f} dtSSD {flicker:7.3f}",
                        flush=True,
                    )
            for share in SHARES:
                for name, sticks in (("free", False), ("sticking", True)):
                    found = [follow_paths(checkpoint, clip, share, sticks=sticks) for clip in clips]
                    changes, sad = sum(each[0] for each in found), np.mean([each[1] for each in found])
                    print(
                        f"{checkpoint.title:10} {motion:7} {share:15.1%} {name:14} SAD {sad:7.3f} changes {changes:5}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
