"""Inputs and outputs of an artifact as the app sees them, the same in every mode."""

from __future__ import annotations

from pam_edge.delivery.manifest import TensorRecord
from pam_edge.targets import Target, TensorIO


def contract(
    target: Target, io: TensorIO, height: int, width: int
) -> tuple[tuple[TensorRecord, ...], tuple[TensorRecord, ...]]:
    """Return inputs and outputs as the app sees them."""
    shapes: tuple[tuple[int, ...], ...]
    if target is Target.COREML and io is TensorIO.IMAGE:
        kinds = ("image RGB 8 bit", "image grayscale 8 bit", "image grayscale 16-bit half float")
        shapes, layout = ((height, width),) * 3, "pixel buffer"
    elif target is Target.TFLITE:
        kinds = ("float32",) * 3
        shapes, layout = ((1, height, width, 3), (1, height, width, 1), (1, height, width, 1)), "NHWC"
    else:
        kinds = ("float32",) * 3
        shapes, layout = ((1, 3, height, width), (1, 1, height, width), (1, 1, height, width)), "NCHW"
    meanings = {
        "image": "RGB, 0 to 255",
        "trimap": "0 background, 128 unknown, 255 foreground (thresholds at 64 and 192)",
        "alpha": "opacity, 0 to 1; exactly 0 and 1 where the trimap says background and foreground",
    }
    records = tuple(
        TensorRecord(name=name, type=kind, shape=shape, layout=layout, meaning=meaning)
        for (name, meaning), kind, shape in zip(meanings.items(), kinds, shapes, strict=True)
    )
    return records[:2], records[2:]
