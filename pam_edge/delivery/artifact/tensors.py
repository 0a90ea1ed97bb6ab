"""Inputs and outputs of an artifact as the app sees them, the same in every mode."""

from __future__ import annotations

from pam_edge.delivery.artifact.manifest import TensorRecord
from pam_edge.graphs.ends import Interface
from pam_edge.targets import Target
from pam_edge.terms import (
    NO_PREVIOUS,
    NO_PREVIOUS_BLOCK,
    PREVIOUS,
    PREVIOUS_PATH,
    CostUnit,
    Result,
    TensorIO,
)

_MEANINGS = {
    "trimap": "0 background, 128 unknown, 255 foreground (thresholds at 64 and 192)",
    "mask": "0 background to 255 foreground, hard or soft; the graph makes the unknown band around its edge",
}
_ALPHA = {
    "trimap": "opacity, 0 to 1; exactly 0 and 1 where the trimap says background and foreground",
    "mask": "opacity, 0 to 1; exactly 0 and 1 where the mask is clear and solid, beyond the band",
}
_PREVIOUS = f"alpha of the last frame, as the graph gave it; {NO_PREVIOUS:g} everywhere for a first frame"
_PREVIOUS_PATH = f"path of the last frame, as the graph gave it; {NO_PREVIOUS_BLOCK:g} everywhere for a first frame"
_HALF = "image grayscale 16-bit half float"
_FOREGROUND = "RGB, 0 to 255, straight (not premultiplied): the subject's colours without the background's"


def contract(
    target: Target, io: TensorIO, interface: Interface, blocks: int | None, unit: CostUnit
) -> tuple[tuple[TensorRecord, ...], tuple[TensorRecord, ...]]:
    """Return inputs and outputs as the app sees them.

    Args:
        target: whose layout it is.
        io: form of image, trimap and alpha.
        interface: the image's size, and the graph's ends.
        blocks: of a dynamic graph; None for graphs whose path is fixed.
        unit: of a dynamic graph's budget and cost.
    """

    def picture(name: str, size: tuple[int, int], channels: int, kind: str, meaning: str) -> TensorRecord:
        if io is TensorIO.IMAGE:
            return TensorRecord(name=name, type=kind, shape=size, layout="pixel buffer", meaning=meaning)
        layout = target.facts.layout
        return TensorRecord(
            name=name, type="float32", shape=layout.shape(channels, *size), layout=layout, meaning=meaning
        )

    whole, ends = interface.size, interface.ends
    region = ends.source.region
    inputs: tuple[TensorRecord, ...] = (
        picture("image", whole, 3, "image RGB 8 bit", "RGB, 0 to 255"),
        picture(region, interface.region_size, 1, "image grayscale 8 bit", _MEANINGS[region]),
    )
    if ends.source.is_live:
        inputs += (picture(PREVIOUS, whole, 1, _HALF, _PREVIOUS),)
    outputs: tuple[TensorRecord, ...] = (picture("alpha", whole, 1, _HALF, _ALPHA[region]),)
    foreground: tuple[TensorRecord, ...] = ()
    if ends.result is Result.CUTOUT:
        foreground = (picture("foreground", whole, 3, "image RGB 8 bit", _FOREGROUND),)
    if blocks is None:
        return inputs, outputs + foreground
    budget, cost = (
        TensorRecord(name=name, type="float32", shape=(1,), layout="vector", meaning=f"{meaning}, {unit}")
        for name, meaning in (
            ("budget", "most that the path may cost; below the shortest path's cost, or NaN: as that"),
            ("cost", "predicted cost of the path; over the budget only if that was below the shortest path's"),
        )
    )
    path, previous_path = (
        TensorRecord(name=name, type="float32", shape=(blocks,), layout="vector", meaning=meaning)
        for name, meaning in (("path", "per block, 1 run and 0 bypass"), (PREVIOUS_PATH, _PREVIOUS_PATH))
    )
    steering = (budget, previous_path) if ends.source.is_live else (budget,)
    return (*inputs, *steering), (*outputs, path, cost, *foreground)
