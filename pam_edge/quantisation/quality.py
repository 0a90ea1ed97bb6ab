"""Whether quantised mattes are as good as the float ones: SAD and MSE against true alphas, path by path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pam_edge.evaluation.metrics import mse, sad
from pam_edge.evaluation.parity import to_tensors
from pam_edge.matting.trimaps import UNKNOWN
from pam_edge.quantisation.pictures import Scored
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Precision


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """How much worse than float mattes may be, as shares: SAD and MSE in the mean, and SAD of the worst picture."""

    mean: float
    worst: float

    def describe(self) -> str:
        """Return the limits for people."""
        return f"{self.mean:.0%} in the mean and {self.worst:.0%} on the worst picture"


LIMITS: Mapping[Precision, QualityLimits] = {
    Precision.INT8: QualityLimits(mean=0.03, worst=0.08),
    Precision.W8: QualityLimits(mean=0.01, worst=0.08),
    Precision.W6: QualityLimits(mean=0.02, worst=0.08),
}


@dataclass(frozen=True, slots=True)
class Quality:
    """Scores of one path, float and quantised, over pictures of known alpha.

    Attributes:
        path: that was forced.
        size: height and width of the pictures.
        pictures: how many.
        sad_float, sad: means, in thousands.
        mse_float, mse: means, in thousandths.
        worst_picture: whose SAD grew by the largest share.
        worst_change: that share; negative if every picture became better.
    """

    path: PathSpec
    size: tuple[int, int]
    pictures: int
    sad_float: float
    sad: float
    mse_float: float
    mse: float
    worst_picture: str
    worst_change: float

    def describe(self) -> str:
        """Return the changes for people."""
        changes = f"SAD {self.sad / self.sad_float - 1:+.1%}, MSE {self.mse / self.mse_float - 1:+.1%}"
        worst = f"worst {self.worst_change:+.1%} ({self.worst_picture})"
        at = f"at {self.size[0]}x{self.size[1]}"
        return f"path {self.path} {at}: {changes} on {self.pictures} pictures, {worst}"

    def within(self, limits: QualityLimits) -> bool:
        """Return whether the path is good enough; a score that is no number is not."""
        means = self.sad <= self.sad_float * (1 + limits.mean) and self.mse <= self.mse_float * (1 + limits.mean)
        return means and self.worst_change <= limits.worst


class Judge:
    """Scores quantised supernets against one float supernet, whose mattes are computed once.

    Args:
        supernet: the float one, in evaluation mode.
        cases: at the size that is judged at.
    """

    def __init__(self, supernet: Supernet, cases: Sequence[Scored]) -> None:
        self._supernet = supernet
        self._cases = tuple(cases)
        height, width = cases[0].alpha.shape
        self._size = (height, width)
        self._floats: dict[PathSpec, list[tuple[float, float]]] = {}

    def judge(self, quantised: Supernet, path: PathSpec) -> Quality:
        """Return the scores along a path."""
        if path not in self._floats:
            self._floats[path] = self._scores(self._supernet, path)
        before, after = np.array(self._floats[path]), np.array(self._scores(quantised, path))
        changes = after[:, 0] / before[:, 0] - 1
        worst = int(np.argmax(np.where(np.isnan(changes), np.inf, changes)))
        return Quality(
            path,
            self._size,
            pictures=len(changes),
            sad_float=float(before[:, 0].mean()),
            sad=float(after[:, 0].mean()),
            mse_float=float(before[:, 1].mean()),
            mse=float(after[:, 1].mean()),
            worst_picture=self._cases[worst].picture.name,
            worst_change=float(changes[worst]),
        )

    def _scores(self, network: Supernet, path: PathSpec) -> list[tuple[float, float]]:
        return [
            (sad(alpha, case.alpha, unknown), mse(alpha, case.alpha, unknown))
            for case in self._cases
            for alpha, unknown in [(matte(network, path, case), case.picture.trimap == UNKNOWN)]
        ]


def matte(network: Supernet, path: PathSpec, case: Scored) -> NDArray[np.float32]:
    """Return alpha float32[H, W] along a path."""
    with torch.no_grad():
        alpha: NDArray[np.float32] = network(*to_tensors(case.picture), path=path).alpha[0, 0].numpy()
    return alpha
