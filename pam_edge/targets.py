"""The closed sets of words that commands, manifests and converters share."""

from __future__ import annotations

from enum import StrEnum


class Target(StrEnum):
    """Output format."""

    COREML = "coreml"
    TFLITE = "tflite"
    EXECUTORCH = "executorch"

    @property
    def default_precision(self) -> Precision:
        """Precision of an artifact when none is asked for: what the platform computes in by itself."""
        return Precision.FP16 if self is Target.COREML else Precision.FP32


class Precision(StrEnum):
    """Number format of an artifact's weights, and on Core ML of its arithmetic too."""

    FP32 = "fp32"
    FP16 = "fp16"


class Mode(StrEnum):
    """How a file's path is decided: fixed, one per entry point, per image inside the graph, or by an input."""

    STATIC = "static"
    MULTI = "multi"
    DYNAMIC = "dynamic"
    PROBE = "probe"
    """Not shipped in apps: how a device is measured."""


class TensorIO(StrEnum):
    """Core ML inputs and outputs: images, or multi-arrays of float32."""

    IMAGE = "image"
    TENSOR = "tensor"
