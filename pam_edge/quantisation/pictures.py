"""Pictures that ship, for ranges and for judging: photographs, and subjects drawn over them with exact alphas."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import cycle, islice, pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_edge.evaluation.pictures import Picture, bundled_pictures, fit
from pam_edge.learning.heldout import cover
from pam_edge.learning.strand_growth import KINDS
from pam_edge.learning.strands import draw_kind
from pam_edge.matting.trimaps import trimap_from_alpha
from pam_edge.quantisation.subjects import SUBJECTS

_SIDE = 448
_SEED = 19
_SOURCE = "{} drawn by pam-edge over {}"


@dataclass(frozen=True, slots=True)
class Scored:
    """A picture whose alpha is known: float32[H, W], 0..1."""

    picture: Picture
    alpha: NDArray[np.float32]

    def fit(self, height: int, width: int) -> Scored:
        """Return it at another size."""
        alpha = cv2.resize(self.alpha, (width, height), interpolation=cv2.INTER_AREA)
        return Scored(fit(self.picture, height, width), np.asarray(alpha, np.float32))


def calibration_pictures() -> tuple[Picture, ...]:
    """Return what ranges are found on, unless a user gives photographs; equal at every call."""
    return (*bundled_pictures(), *(each.picture for each in _drawn(0)))


def judged_pictures() -> tuple[Scored, ...]:
    """Return what mattes are judged on: others than ranges are found on; equal at every call."""
    return _drawn(1)


def _drawn(turn: int) -> tuple[Scored, ...]:
    """Return one picture of each kind of strands and subjects, over the bundled photographs; other turns give others.

    Bodies wear the colours of another photograph than the one they stand before.
    """
    photographs = islice(cycle(bundled_pictures()), turn, None)
    return tuple(
        _draw(np.random.default_rng((_SEED, turn, number)), kind, back, skin)
        for number, (kind, (back, skin)) in enumerate(zip((*KINDS, *SUBJECTS), pairwise(photographs), strict=False))
    )


def _draw(rng: np.random.Generator, kind: str, back: Picture, skin: Picture) -> Scored:
    is_subject = kind in SUBJECTS
    front = SUBJECTS[kind](rng, _SIDE, skin.image) if is_subject else draw_kind(rng, kind, _SIDE)
    alpha = front[..., 3].astype(np.float32) / np.float32(255)
    behind = cover(back.image, *alpha.shape)
    image = behind + (front[..., :3].astype(np.float32) - behind) * alpha[..., None]
    name = f"{kind}-over-{back.name}"
    source = _SOURCE.format(kind, back.name)
    return Scored(Picture(name, np.rint(image).astype(np.uint8), trimap_from_alpha(alpha), "photograph", source), alpha)


def content_of(picture: Picture) -> str:
    """Return the SHA-256 of a picture's pixels and trimap."""
    content = hashlib.sha256()
    for array in (picture.image, picture.trimap):
        content.update(repr(array.shape).encode())
        content.update(array.tobytes())
    return content.hexdigest()
