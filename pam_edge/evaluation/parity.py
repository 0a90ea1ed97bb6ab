"""Parity: does an artifact compute what the supernet computes, judged as matting is judged.

The reference is the supernet in PyTorch, float32, along the entry point's path. Errors are read at the largest
deviation anywhere and as root mean square over the trimap's unknown region, because a mean over the whole picture
hides a 0.1 error in hair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from pam_edge.errors import UsageError
from pam_edge.evaluation.pictures import Picture
from pam_edge.graphs.colours import estimate_foreground
from pam_edge.graphs.ends import Ends
from pam_edge.graphs.static import StaticGraph, layer_outputs, stage_outputs, stage_weights
from pam_edge.runtimes.base import LastFrame
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Precision


@dataclass(frozen=True, slots=True)
class ParityLimits:
    """Largest deviations that pass.

    Attributes:
        max_abs: of alpha, anywhere in the picture.
        rms: root mean square of the deviation of alpha over the unknown region.
        block: of a block's output, relative to its largest value, when looking for where a failure starts.
        block_float32: the same where nothing but the weights is rounded.
        gate_margin: difference of a gate's logits under which another rounding may choose otherwise.
    """

    max_abs: float
    rms: float
    block: float
    block_float32: float
    gate_margin: float


LIMITS: Mapping[Precision, ParityLimits] = {
    Precision.FP32: ParityLimits(max_abs=1e-4, rms=1e-5, block=1e-4, block_float32=1e-4, gate_margin=1e-4),
    Precision.FP16: ParityLimits(max_abs=0.03, rms=0.004, block=0.03, block_float32=1e-3, gate_margin=0.05),
    Precision.W8: ParityLimits(max_abs=0.03, rms=0.004, block=0.03, block_float32=1e-3, gate_margin=0.05),
    Precision.W6: ParityLimits(max_abs=0.03, rms=0.004, block=0.03, block_float32=1e-3, gate_margin=0.05),
    Precision.INT8: ParityLimits(max_abs=0.7, rms=0.06, block=0.2, block_float32=0.2, gate_margin=0.2),
}
"""The contract's table. Block tolerances are ours: as far as correct runtimes were seen to differ, with room."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far one alpha is from its reference.

    Attributes:
        max_abs: largest absolute difference in the picture; NaN if the alpha holds NaN.
        rms: root mean square of the difference over the unknown region.
        sad_change: sum of absolute differences over the unknown region, in thousands, as SAD is scaled.
    """

    max_abs: float
    rms: float
    sad_change: float

    def within(self, limits: ParityLimits) -> bool:
        """Return whether both errors pass; NaN does not."""
        return self.max_abs <= limits.max_abs and self.rms <= limits.rms


def colour_deviation(found: Cutout, expected: Cutout, trimap: NDArray[np.uint8]) -> Deviation | None:
    """Compare alpha * foreground, 0 to 1 in each channel, given the trimap; None where no foreground is expected.

    Raises:
        UsageError: as ``deviation``.
    """
    if found.foreground is None or expected.foreground is None:
        return None
    own, reference = (
        alpha[..., None] * (colours.astype(np.float64) / 255)
        for alpha, colours in ((found.alpha, found.foreground), (expected.alpha, expected.foreground))
    )
    return deviation(np.abs(own - reference).max(axis=2), np.zeros(trimap.shape, np.float32), trimap)


@dataclass(frozen=True, slots=True)
class Colours:
    """An alpha float32[H, W] with its foreground float32[H, W, 3], 0..255, or none."""

    alpha: NDArray[np.float32]
    foreground: NDArray[np.float32] | None


def expected_foreground(picture: Picture, alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the foreground float32[H, W, 3], 0..255, that goes with an alpha, as a graph estimates it, in PyTorch."""
    image, _ = to_tensors(picture)
    colours = estimate_foreground(image, torch.from_numpy(alpha)[None, None])
    return np.ascontiguousarray(colours[0].numpy().transpose(1, 2, 0))


def deviation(alpha: NDArray[np.float32], reference: NDArray[np.float32], trimap: NDArray[np.uint8]) -> Deviation:
    """Compare an alpha float32[H, W] with its reference, given the trimap uint8[H, W].

    Raises:
        UsageError: if shapes differ or the trimap has no unknown pixel: an empty region has no error.
    """
    if not alpha.shape == reference.shape == trimap.shape:
        raise UsageError(f"Expected equal shapes; got {alpha.shape}, {reference.shape} and trimap {trimap.shape}.")
    unknown = (trimap >= 64) & (trimap < 192)
    if not unknown.any():
        raise UsageError("The trimap has no unknown pixel, so there is nothing to judge. Use another picture.")
    difference = np.abs(alpha.astype(np.float64) - reference)
    inside = difference[unknown]
    return Deviation(float(difference.max()), float(np.sqrt(np.mean(inside**2))), float(inside.sum() / 1000))


class Cutout(Protocol):
    """What an entry point gives, or should; ``pam_edge.delivery.artifact.opened.Matte`` is one."""

    @property
    def alpha(self) -> NDArray[np.float32]:
        """Alpha float32[H, W]."""
        ...

    @property
    def foreground(self) -> NDArray[np.float32] | None:
        """Straight colours float32[H, W, 3], 0..255; None of graphs that give alpha alone."""
        ...


class CallableModel(Protocol):
    """An entry point with a fixed path that can be run."""

    def __call__(self, image: NDArray[np.uint8], given: NDArray[np.uint8], *, last: LastFrame | None) -> Cutout:
        """Matte image uint8[H, W, 3] (RGB) with trimap or mask uint8, and the last frame of a live graph."""
        ...


@dataclass(frozen=True, slots=True)
class EntryParity:
    """Parity of one entry point over a set of pictures.

    Attributes:
        deviations: by picture name.
        foregrounds: deviations of alpha * foreground by picture name; None where no foreground is given.
        nearest_path: text of the path, among the artifact's, whose reference is nearest; its own if all is well.
    """

    deviations: dict[str, Deviation]
    foregrounds: dict[str, Deviation | None]
    nearest_path: str


def to_tensors(picture: Picture) -> tuple[torch.Tensor, torch.Tensor]:
    """Return image float32[1, 3, H, W] and trimap float32[1, 1, H, W], both 0..255."""
    return as_tensors(picture.image, picture.trimap)


def as_tensors(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return float32[1, 3, H, W] and float32[1, 1, H, W], both 0..255, of uint8[H, W, 3] and uint8[H, W]."""
    planar = np.ascontiguousarray(image.transpose(2, 0, 1)[None])
    return torch.from_numpy(planar).float(), torch.from_numpy(np.ascontiguousarray(trimap))[None, None].float()


def finish_alpha(picture: Picture, alpha: torch.Tensor) -> NDArray[np.float32]:
    """Return alpha float32[H, W] as the graph should give it, of the network's float32[1, 1, H, W]."""
    if picture.last is not None:
        _, trimap = to_tensors(picture)
        alpha = Ends.finish_alpha(alpha, trimap, torch.from_numpy(picture.last.alpha)[None, None])
    return alpha[0, 0].numpy()


class Reference:
    """The supernet's answers for a set of pictures and paths, computed once each and kept by the picture's name.

    Raises:
        UsageError: if two pictures have the same name: one would be judged by the other's answer.
    """

    def __init__(self, supernet: Supernet, pictures: Sequence[Picture]) -> None:
        repeated = [name for name, count in Counter(picture.name for picture in pictures).items() if count > 1]
        if repeated:
            raise UsageError(f"Expected pictures of different names; several are called {', '.join(repeated)}.")
        self.supernet = supernet.eval()
        self.pictures = tuple(pictures)
        self._alphas: dict[tuple[PathSpec, str], NDArray[np.float32]] = {}

    def alpha(self, path: PathSpec, picture: Picture) -> NDArray[np.float32]:
        """Return alpha float32[H, W] of a picture along a path."""
        key = (path, picture.name)
        if key not in self._alphas:
            with torch.no_grad():
                alpha = self.supernet(*to_tensors(picture), path=path).alpha
                self._alphas[key] = finish_alpha(picture, alpha)
        return self._alphas[key]

    def cutout(self, picture: Picture, alpha: NDArray[np.float32], like: Cutout) -> Colours:
        """Return an alpha of a picture, with the foreground that goes with it if another cut-out has one."""
        return Colours(alpha, None if like.foreground is None else expected_foreground(picture, alpha))

    def parts(
        self, path: PathSpec, picture: Picture, precision: Precision
    ) -> tuple[list[tuple[str, torch.Tensor]], list[tuple[str, torch.Tensor]]]:
        """Return what every part of the network computes on a picture, and what enters and leaves every layer.

        In float32, with weights rounded as the precision stores them: a block near identity differs from its own
        input by less than the rounding of weights would hide.
        """
        with torch.no_grad():
            graph = StaticGraph(self.supernet, path)
            if precision is Precision.FP16:
                for values in (*graph.parameters(), *graph.buffers()):
                    values.copy_(values.half())
            tensors = to_tensors(picture)
            return stage_outputs(graph, *tensors), layer_outputs(graph, *tensors)

    def weights(self, path: PathSpec) -> dict[str, tuple[torch.Tensor, ...]]:
        """Return the weights of every part of the network along a path, not rounded."""
        return stage_weights(StaticGraph(self.supernet, path))


def check_entry_point(
    model: CallableModel, path: PathSpec, others: Sequence[PathSpec], reference: Reference
) -> tuple[EntryParity, dict[str, Cutout]]:
    """Run one entry point on every picture of the reference.

    Args:
        model: the artifact's entry point.
        path: the one it should compute.
        others: paths of the artifact's other entry points, for path identity.
        reference: supernet and pictures.

    Returns:
        The parity, and what the entry point gave by picture name.
    """
    found = {p.name: model(p.image, p.given, last=p.last) for p in reference.pictures}
    alphas = {name: each.alpha for name, each in found.items()}
    foregrounds = {
        p.name: colour_deviation(each, reference.cutout(p, reference.alpha(path, p), each), p.trimap)
        for p, each in zip(reference.pictures, found.values(), strict=True)
    }
    deviations = {p.name: deviation(alphas[p.name], reference.alpha(path, p), p.trimap) for p in reference.pictures}

    def distance(candidate: PathSpec) -> float:
        return sum(float(np.abs(alphas[p.name] - reference.alpha(candidate, p)).sum()) for p in reference.pictures)

    nearest = min(dict.fromkeys((path, *others)), key=distance)
    return EntryParity(deviations, foregrounds, str(nearest)), found
