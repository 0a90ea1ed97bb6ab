"""The two ends of a graph: what an app has goes in, what it wants comes out.

An app has a mask from its platform and wants a cut-out without fringe. A graph with these ends makes the trimap of the
mask by itself, and the foreground's colours of its alpha; in between is one of the other graphs, whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from pam_edge.graphs.band import unknown_band
from pam_edge.graphs.colours import estimate_foreground
from pam_edge.graphs.previous import damp, doubt
from pam_edge.supernet.network import compose_alpha
from pam_edge.terms import PREVIOUS, Result, Source


@dataclass(frozen=True, slots=True)
class Ends:
    """What a graph takes beside the image, and what it gives.

    Attributes:
        source: trimap, mask, or mask and the last frame's alpha.
        result: alpha, or a cut-out.
        band_px: reach of the unknown band that is made of a mask; of no meaning to a trimap.
        mask_height: of the mask; None takes the image's.
        mask_width: likewise.
    """

    source: Source = Source.TRIMAP
    result: Result = Result.ALPHA
    band_px: int = 0
    mask_height: int | None = None
    mask_width: int | None = None

    @property
    def are_plain(self) -> bool:
        """Whether the graph's own ends serve."""
        return self == PLAIN

    @property
    def more_outputs(self) -> tuple[str, ...]:
        """Names of what comes after all that a graph gives without these ends."""
        return ("foreground",) if self.result is Result.CUTOUT else ()

    def make_trimap(self, region: Tensor, previous: Tensor | None, height: int, width: int) -> Tensor:
        """Return the trimap that the network gets.

        Args:
            region: trimap float32[1, 1, H, W] or mask float32[1, 1, h, w], 0..255.
            previous: the last frame's alpha, float32[1, 1, H, W]; None where the graph takes none.
            height: of the image.
            width: likewise.

        Returns:
            float32[1, 1, H, W], 0..255.
        """
        if not self.source.is_mask:
            return region
        if region.shape[2:] != (height, width):
            region = nn.functional.interpolate(region, size=(height, width), mode="bilinear", align_corners=False)
        trimap = unknown_band(region, self.band_px)
        return trimap if previous is None else doubt(trimap, previous)

    @staticmethod
    def finish_alpha(alpha: Tensor, trimap: Tensor, previous: Tensor) -> Tensor:
        """Return the alpha that a live graph gives, of the network's; all float32[1, 1, H, W]."""
        return compose_alpha(damp(alpha, previous), trimap)


PLAIN = Ends()
"""A graph's own: trimap in, alpha out."""


@dataclass(frozen=True, slots=True)
class Interface:
    """What a graph takes and gives.

    Attributes:
        height: of the image, a multiple of 32.
        width: likewise.
        ends: what it takes beside the image, and gives.
    """

    height: int
    width: int
    ends: Ends = PLAIN

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image."""
        return self.height, self.width

    @property
    def region_size(self) -> tuple[int, int]:
        """Height and width of the trimap or mask."""
        return self.ends.mask_height or self.height, self.ends.mask_width or self.width


class WithEnds(nn.Module):
    """A graph in NCHW with other ends.

    Args:
        graph: takes ``image``, ``trimap`` and perhaps more by name, and returns alpha, alone or first of several.
        ends: at least one of them another than the graph's own.
    """

    def __init__(self, graph: nn.Module, ends: Ends) -> None:
        super().__init__()
        self.plain = graph
        self.ends = ends

    def forward(self, image: Tensor, **inputs: Tensor) -> tuple[Tensor, ...]:
        """Return what the graph does, and then the foreground float32[1, 3, H, W], 0..255, of a cut-out.

        Args:
            image: float32[1, 3, H, W], RGB, 0..255.
            inputs: ``trimap`` float32[1, 1, H, W] or ``mask`` float32[1, 1, h, w], 0..255; ``previous``
                float32[1, 1, H, W], 0..1, of a live graph; and what else the graph takes.
        """
        region, previous = inputs.pop(self.ends.source.region), inputs.pop(PREVIOUS, None)
        trimap = self.ends.make_trimap(region, previous, *image.shape[2:])
        found = self.plain(image=image, trimap=trimap, **inputs)
        alpha, *others = _as_tuple(found)
        if previous is not None:
            alpha = self.ends.finish_alpha(alpha, trimap, previous)
        if self.ends.result is Result.CUTOUT:
            others.append(estimate_foreground(image, alpha))
        return (alpha, *others)


class ChannelsLastWithEnds(nn.Module):
    """A graph in NHWC with other ends, which are made in NCHW: a transposition each of the picture, none of planes."""

    def __init__(self, graph: nn.Module, ends: Ends) -> None:
        super().__init__()
        self.plain = graph
        self.ends = ends

    def forward(self, image: Tensor, **inputs: Tensor) -> tuple[Tensor, ...]:
        """Do what ``WithEnds`` does in NHWC: float32[1, H, W, 3], [1, h, w, 1], and so on."""
        _, height, width, _ = image.shape
        planes = (1, 1, height, width)
        region, previous = inputs.pop(self.ends.source.region), inputs.pop(PREVIOUS, None)
        before = None if previous is None else previous.reshape(planes)
        if self.ends.source.is_mask:
            plane = region.reshape(1, 1, *region.shape[1:3])
            region = self.ends.make_trimap(plane, before, height, width).reshape(1, height, width, 1)
        found = self.plain(image=image, trimap=region, **inputs)
        alpha, *others = _as_tuple(found)
        if before is not None:
            finished = self.ends.finish_alpha(alpha.reshape(planes), region.reshape(planes), before)
            alpha = finished.reshape(1, height, width, 1)
        if self.ends.result is Result.CUTOUT:
            colours = estimate_foreground(image.permute(0, 3, 1, 2), alpha.reshape(planes))
            others.append(colours.permute(0, 2, 3, 1))
        return (alpha, *others)


def _as_tuple(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (outputs,) if isinstance(outputs, Tensor) else outputs


def with_ends(graph: nn.Module, ends: Ends, *, channels_last: bool = False) -> nn.Module:
    """Return a graph with other ends, or the graph itself where its own serve."""
    if ends.are_plain:
        return graph
    return (ChannelsLastWithEnds if channels_last else WithEnds)(graph, ends)
