"""What every runtime gives: an entry point of a saved file, callable with plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pam_edge.terms import PREVIOUS, Precision


@dataclass(frozen=True, slots=True)
class BlockOutput:
    """What the reference computes in one part of the network, and with which weights.

    Attributes:
        block: name of a choice block, such as ``enc8.1``, or of a fixed part, such as ``stem``.
        values: float32[1, C, h, w].
        weights: float32, the part's weights and biases as convolutions hold them.
    """

    block: str
    values: NDArray[np.float32]
    weights: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True, slots=True)
class LastFrame:
    """What a live graph gave for the frame before.

    Attributes:
        alpha: float32[H, W], 0..1.
        path: float32[L], 1 ran and 0 bypassed; None of graphs that do not choose.
    """

    alpha: NDArray[np.float32]
    path: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the reference computes on one picture, inside and out, to find where a file starts to differ.

    Attributes:
        names: of the entry point's inputs and outputs.
        image: uint8[H, W, 3], RGB.
        source: trimap uint8[H, W], or mask uint8[h, w].
        control: as ``LoadedModel.__call__`` takes it.
        last: likewise.
        blocks: in order of execution.
        layers: name and value (float32[1, C, h, w]) of what lies between, in order of execution.
        tolerance: largest difference that counts as equal, relative to a value's largest magnitude.
        float32_tolerance: the same for values computed in float32 from the file's own weights.
    """

    names: TensorNames
    image: NDArray[np.uint8]
    source: NDArray[np.uint8]
    control: NDArray[np.float32] | None
    last: LastFrame | None
    blocks: Sequence[BlockOutput]
    layers: Sequence[tuple[str, NDArray[np.float32]]]
    tolerance: float
    float32_tolerance: float


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where a file starts to differ from the reference.

    Attributes:
        block: the first that differs; None if that cannot be told.
        operation: the first in it, as kind and name; None where a runtime shows no operations.
        explanation: what is wrong, in one sentence, with the numbers that say so.
    """

    block: str | None
    operation: str | None
    explanation: str


@dataclass(frozen=True, slots=True)
class Branch:
    """What one branch of a graph that chooses is made of.

    Attributes:
        partitions: pieces that the delegate takes as a whole.
        outside: operators that no partition holds, with their number.
    """

    partitions: int
    outside: dict[str, int]

    @property
    def is_whole(self) -> bool:
        """Whether the delegate takes the branch in one piece."""
        return self.partitions == 1 and not self.outside


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one entry point of a file is made of.

    Attributes:
        height: of the image that it takes.
        width: of the image that it takes.
        operators: how many of each operator, by the target's name for it.
        delegate: what takes the operators, such as ``XNNPACK``.
        partitions: pieces that the delegate takes as a whole; None where only the device decides.
        outside: operators that no partition holds, with their number; empty is good.
        note: what a reader should know about these numbers, in one sentence.
        branches: of a graph that chooses, two for each block, run and bypass; all others have none, and so has a graph
            whose partitions only the device decides.
    """

    height: int
    width: int
    operators: dict[str, int]
    delegate: str
    partitions: int | None
    outside: dict[str, int]
    note: str
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True)
class TensorNames:
    """What an entry point takes and gives, in the file's order: ExecuTorch's files hold no names of their own.

    Attributes:
        inputs: ``image``, then ``trimap`` or ``mask``, then ``previous`` (live graphs), then ``budget`` (dynamic
            graphs) or ``path`` (probes), then ``previous_path`` (live graphs that are dynamic).
        outputs: ``alpha``, then ``path`` and ``cost`` (dynamic graphs) or ``wishes`` (probes), then ``foreground``.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def source(self) -> str:
        """The input beside the image that says where the subject is."""
        return self.inputs[1]

    @property
    def control(self) -> str | None:
        """The input that steers a graph with choices inside; None of all others."""
        return next((name for name in ("budget", "path") if name in self.inputs), None)

    @property
    def is_live(self) -> bool:
        """Whether the entry point takes what it gave for the last frame."""
        return PREVIOUS in self.inputs


OF_STATIC = TensorNames(("image", "trimap"), ("alpha",))
OF_DYNAMIC = TensorNames(("image", "trimap", "budget"), ("alpha", "path", "cost"))
OF_PROBE = TensorNames(("image", "trimap", "path"), ("alpha", "wishes"))


class LoadedModel(Protocol):
    """One entry point of a saved artifact, ready to run at its fixed size.

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
        source: NDArray[np.uint8],
        control: NDArray[np.float32] | None = None,
        last: LastFrame | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        """Run once.

        Args:
            image: uint8[H, W, 3], RGB.
            source: trimap uint8[H, W], or mask uint8[h, w].
            control: of graphs that choose: budget float32[1], or path float32[L].
            last: of live graphs; None for the first frame.

        Returns:
            By name: ``alpha`` float32[H, W], ``foreground`` float32[H, W, 3], and all others as the file has them.

        Raises:
            UsageError: if a picture is not of bytes, or not of the size that the file takes, or what is said of the
                last frame does not fit or is not a number.
            ArtifactError: if the file cannot be run.
        """
        ...


class Runtime(Protocol):
    """Loads the files of one target.

    Attributes:
        name: how commands call it.
    """

    name: str

    def load(self, file: Path, entry_point: str, names: TensorNames, *, threads: int) -> LoadedModel:
        """Load one entry point.

        Raises:
            ArtifactError: in one paragraph, if the file is missing, damaged or another target's, has no such entry
                point, or one that takes or gives something else. Native code may end the process over a damaged file:
                call this in a worker, or check the file's hash first.
        """
        ...

    def first_divergence(self, file: Path, entry_point: str, expected: Expectation) -> Divergence | None:
        """Find where an entry point, which may be too damaged to load, starts to differ; None if nowhere.

        Blocks are told by intermediate values where the runtime shows them, and by the weights that the file holds.
        """
        ...

    def input_names(self, file: Path, entry_point: str) -> tuple[str, ...]:
        """Return an entry point's inputs in the order in which a caller that knows no names passes them.

        Raises:
            ArtifactError: as ``load``.
        """
        ...

    def precision(self, file: Path) -> Precision | None:
        """Return the number format in which a file, which can be loaded, stores weights; None if it does not show them.

        Raises:
            ArtifactError: if it cannot be told.
        """
        ...

    def inspect(self, file: Path, entry_point: str) -> Inspection:
        """Read what an entry point is made of, from the file itself.

        Raises:
            ArtifactError: as ``load``.
        """
        ...

    def versions(self) -> dict[str, str]:
        """Return the versions of what executes, by package name."""
        ...
