"""Inputs and outputs of an artifact as the app sees them, the same in every mode."""

from __future__ import annotations

from pam_edge.delivery.artifact.manifest import TensorRecord
from pam_edge.targets import Target
from pam_edge.terms import CostUnit, TensorIO


def contract(
    target: Target, io: TensorIO, height: int, width: int, blocks: int | None, unit: CostUnit
) -> tuple[tuple[TensorRecord, ...], tuple[TensorRecord, ...]]:
    """Return inputs and outputs as the app sees them.

    Args:
        target: whose layout it is.
        io: form of image, trimap and alpha.
        height: of the image.
        width: of the image.
        blocks: of a dynamic graph; None for graphs whose path is fixed.
        unit: of a dynamic graph's budget and cost.
    """
    shapes: tuple[tuple[int, ...], ...]
    if io is TensorIO.IMAGE:
        kinds = ("image RGB 8 bit", "image grayscale 8 bit", "image grayscale 16-bit half float")
        shapes, layout = ((height, width),) * 3, "pixel buffer"
    else:
        kinds, layout = ("float32",) * 3, target.facts.layout
        shapes = tuple(target.facts.layout.shape(channels, height, width) for channels in (3, 1, 1))
    meanings = {
        "image": "RGB, 0 to 255",
        "trimap": "0 background, 128 unknown, 255 foreground (thresholds at 64 and 192)",
        "alpha": "opacity, 0 to 1; exactly 0 and 1 where the trimap says background and foreground",
    }
    records = tuple(
        TensorRecord(name=name, type=kind, shape=shape, layout=layout, meaning=meaning)
        for (name, meaning), kind, shape in zip(meanings.items(), kinds, shapes, strict=True)
    )
    if blocks is None:
        return records[:2], records[2:]
    budget, cost = (
        TensorRecord(name=name, type="float32", shape=(1,), layout="vector", meaning=f"{meaning}, {unit}")
        for name, meaning in (
            ("budget", "most that the path may cost; below the shortest path's cost, or NaN: as that"),
            ("cost", "predicted cost of the path; over the budget only if that was below the shortest path's"),
        )
    )
    path = TensorRecord(
        name="path", type="float32", shape=(blocks,), layout="vector", meaning="per block, 1 run and 0 bypass"
    )
    return (*records[:2], budget), (*records[2:], path, cost)
