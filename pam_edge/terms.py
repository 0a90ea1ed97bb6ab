"""The closed sets of words that commands, profiles, manifests and converters share, but for the targets."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from pam_edge.errors import UsageError

_E = TypeVar("_E", bound=StrEnum)


def parse_choice(name: str, text: str, choices: Iterable[_E], *others: str) -> _E:
    """Read one of the words that can be asked for, in any case.

    Args:
        name: of the option or argument, for the error.
        text: to read.
        choices: the enum, or those of its values that are taken.
        others: what the caller takes beside it, and has read already; listed in the error.

    Raises:
        UsageError: listing the choices.
    """
    known = {choice.value: choice for choice in choices}
    try:
        return known[text.lower()]
    except (AttributeError, KeyError):
        offered = (word for word, choice in known.items() if choice not in _UNLISTED)
        raise UsageError(f"{name}: expected one of {', '.join((*offered, *others))}; got {text!r}.") from None


class Precision(StrEnum):
    """Number format of an artifact's weights, and on Core ML of its arithmetic too."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
    """Weights and features in eight bits."""
    W8 = "w8"
    """Weights in eight bits, a scale for each output channel; features and arithmetic stay float."""
    W6 = "w6"
    """Weights of sixty-four values for each group of output channels; features and arithmetic stay float."""
    W4 = "w4"
    """Weights of sixteen values."""

    @property
    def bytes(self) -> float:
        """Of a number that is stored so."""
        return {Precision.FP32: 4, Precision.FP16: 2, Precision.W6: 0.75, Precision.W4: 0.5}.get(self, 1)

    @property
    def is_quantised(self) -> bool:
        """Whether an artifact is held to a quantised reference, and has to be good enough beside the float one."""
        return self in (Precision.INT8, Precision.W8, Precision.W6, Precision.W4)


class Mode(StrEnum):
    """How a file's path is decided: fixed, one per entry point, per image inside the graph, or by an input."""

    STATIC = "static"
    MULTI = "multi"
    DYNAMIC = "dynamic"
    PROBE = "probe"
    """Not shipped in apps: how a device is measured."""

    @property
    def chooses(self) -> bool:
        """Whether a graph runs or bypasses its blocks by conditionals."""
        return self in (Mode.DYNAMIC, Mode.PROBE)


_UNLISTED = frozenset({Mode.PROBE})
"""What is no answer to a question: who asks for it nevertheless is told what makes it."""


class Source(StrEnum):
    """What a graph takes beside the image, to know where the subject is."""

    TRIMAP = "trimap"
    MASK = "mask"
    MASK_AND_PREVIOUS = "mask+previous"
    """For video: the mask, and the alpha of the last frame."""

    @property
    def region(self) -> str:
        """Name of the input that says where the subject is."""
        return str(Source.TRIMAP if self is Source.TRIMAP else Source.MASK)

    @property
    def is_mask(self) -> bool:
        """Whether the graph makes the unknown band itself."""
        return self is not Source.TRIMAP

    @property
    def is_live(self) -> bool:
        """Whether the graph takes what it gave for the last frame."""
        return self is Source.MASK_AND_PREVIOUS


PREVIOUS, PREVIOUS_PATH = "previous", "previous_path"
"""Inputs of a live graph: the last frame's alpha, and its path where the graph chooses."""

NO_PREVIOUS = -1.0
"""What a live graph takes for the last frame's alpha where there is none: in every pixel of the first frame."""

NO_PREVIOUS_BLOCK = 0.5
"""What it takes for each block of the last frame's path where there is none."""


class Result(StrEnum):
    """What a graph gives: alpha, or alpha and the foreground's colours, which together are a cut-out."""

    ALPHA = "alpha"
    CUTOUT = "cutout"


class TensorIO(StrEnum):
    """Core ML inputs and outputs: images, or multi-arrays of float32."""

    IMAGE = "image"
    TENSOR = "tensor"


class Layout(StrEnum):
    """Order of a tensor's dimensions: batch, channels, height, width."""

    NCHW = "NCHW"
    NHWC = "NHWC"

    def shape(self, channels: int, height: int, width: int) -> tuple[int, int, int, int]:
        """Return the shape of one image."""
        return (1, channels, height, width) if self is Layout.NCHW else (1, height, width, channels)


class ComputeUnit(StrEnum):
    """Part of the SoC that does the arithmetic."""

    CPU = "cpu"
    GPU = "gpu"
    NEURAL_ENGINE = "neural_engine"

    @property
    def label(self) -> str:
        """Name for people."""
        return self.replace("_", " ")


class Platform(StrEnum):
    """Where an app runs."""

    IOS = "ios"
    ANDROID = "android"
    WEB = "web"

    @property
    def label(self) -> str:
        """Name for people."""
        return {Platform.IOS: "iOS", Platform.ANDROID: "Android", Platform.WEB: "the web"}[self]


class Thermal(StrEnum):
    """How hot a device is, in iOS's words; Android's moderate and severe are serious, critical and above critical."""

    NOMINAL = "nominal"
    FAIR = "fair"
    SERIOUS = "serious"
    CRITICAL = "critical"


class CostUnit(StrEnum):
    """What a cost counts."""

    GMAC = "GMAC"
    MS = "ms"


class Provenance(StrEnum):
    """Where costs come from; the value is the word that every table, manifest and report shows."""

    COUNTED = "counted"
    ESTIMATED = "estimated"
    IMPORTED = "imported"
    MEASURED = "measured"
