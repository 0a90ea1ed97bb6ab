"""Entry points that can be run: one way to call them, whether a path is fixed or chosen inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError, UsageError
from pam_edge.runtimes.base import LastFrame, LoadedModel


@dataclass(frozen=True, slots=True)
class Matte:
    """What an entry point gives for one picture.

    Attributes:
        alpha: float32[H, W].
        path: that was taken, one bit per block.
        cost: predicted for it, in the entry point's unit: by the graph where that chooses, else by the plan.
        foreground: float32[H, W, 3], 0..255, of a graph that gives cut-outs; None of all others.
    """

    alpha: NDArray[np.float32]
    path: str
    cost: float
    foreground: NDArray[np.float32] | None = None

    @property
    def as_last(self) -> LastFrame:
        """What a live graph takes of this frame with the next one."""
        return LastFrame(self.alpha, np.array([bit == "1" for bit in self.path], np.float32))


class Opened(Protocol):
    """An entry point, ready to run at its fixed size.

    Attributes:
        height: of the image.
        width: of the image.
        ran_on: what executes it, for reports, such as ``LiteRT 2.3.0, XNNPACK, CPU``.
    """

    height: int
    width: int
    ran_on: str

    def __call__(
        self,
        image: NDArray[np.uint8],
        given: NDArray[np.uint8],
        budget: float | None = None,
        *,
        last: LastFrame | None = None,
    ) -> Matte:
        """Matte image uint8[H, W, 3] (RGB) and trimap uint8[H, W], or mask uint8[h, w], as the artifact takes it.

        Args:
            image: at the artifact's size.
            given: likewise.
            budget: of a graph that chooses, in its unit; None takes the entry point's own.
            last: what a live graph gave for the last frame (``Matte.as_last``); None for a first frame.

        Raises:
            UsageError: if the picture or the last frame does not fit, or a fixed path is given a budget.
            ArtifactError: if a graph takes a path of another network.
        """
        ...


class FixedPath:
    """An entry point with a path of its own."""

    def __init__(self, model: LoadedModel, path: str, cost: float) -> None:
        self.height, self.width, self.ran_on = model.height, model.width, model.ran_on
        self._model, self._path, self._cost = model, path, cost

    def __call__(
        self,
        image: NDArray[np.uint8],
        given: NDArray[np.uint8],
        budget: float | None = None,
        *,
        last: LastFrame | None = None,
    ) -> Matte:
        """See ``Opened``."""
        if budget is not None:
            raise UsageError(f"Expected no budget: this entry point's path is fixed; got {budget:g}. Leave it out.")
        found = self._model(image, given, last=last)
        return Matte(found["alpha"], self._path, self._cost, found.get("foreground"))


class ChosenPath:
    """An entry point whose graph chooses, within its own budget or another."""

    def __init__(self, model: LoadedModel, budget: float, blocks: int) -> None:
        self.height, self.width, self.ran_on = model.height, model.width, model.ran_on
        self._model, self._budget, self._blocks = model, budget, blocks

    def __call__(
        self,
        image: NDArray[np.uint8],
        given: NDArray[np.uint8],
        budget: float | None = None,
        *,
        last: LastFrame | None = None,
    ) -> Matte:
        """See ``Opened``."""
        if budget is not None and not isinstance(budget, (int, float, np.number)):
            raise UsageError(f"Expected a budget as a number, in the artifact's unit; got {budget!r}. Give the number.")
        limit = np.array([self._budget if budget is None else budget], np.float32)
        found = self._model(image, given, limit, last)
        path = "".join("1" if runs else "0" for runs in found["path"])
        if len(path) != self._blocks:
            raise ArtifactError(
                f"Expected a path of {self._blocks} blocks, as the manifest says; the file takes {path}. They do "
                "not belong together: convert again."
            )
        return Matte(found["alpha"], path, float(found["cost"][0]), found.get("foreground"))
