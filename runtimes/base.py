"""What every runtime gives: an entry point of a saved file, callable with plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


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
class Expectation:
    """What the reference computes on one picture, inside and out, to find where a file starts to differ.

    Attributes:
        image: uint8[H, W, 3], RGB.
        trimap: uint8[H, W].
        budget: of a dynamic graph; None for all others.
        blocks: in order of execution.
        layers: name and value (float32[1, C, h, w]) of what lies between, in order of execution.
        tolerance: largest difference that counts as equal, relative to a value's largest magnitude.
        float32_tolerance: the same for values computed in float32 from the file's own weights.
    """

    image: NDArray[np.uint8]
    trimap: NDArray[np.uint8]
    budget: float | None
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
        operators: how many of each operator, by the target's name for it.
        delegate: what takes the operators, such as ``XNNPACK``.
        partitions: pieces that the delegate takes as a whole; None where only the device decides.
        outside: operators that no partition holds, with their number; empty is good.
        note: what a reader should know about these numbers, in one sentence.
        branches: of a graph that chooses, two for each block, run and bypass; all others have none, and so has a graph
            whose partitions only the device decides.
    """

    operators: dict[str, int]
    delegate: str
    partitions: int | None
    outside: dict[str, int]
    note: str
    branches: tuple[Branch, ...] = ()


class LoadedModel(Protocol):
    """One entry point of a saved artifact, ready to run at its fixed size.

    Attributes:
        height: of image and trimap.
        width: of image and trimap.
        ran_on: what executes it, for reports, such as ``LiteRT 2.3.0, XNNPACK, CPU``.
    """

    height: int
    width: int
    ran_on: str

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return alpha float32[H, W] from image uint8[H, W, 3] (RGB) and trimap uint8[H, W]."""
        ...


@dataclass(frozen=True, slots=True)
class DynamicMatte:
    """What a dynamic graph returns.

    Attributes:
        alpha: float32[H, W].
        path: one bit per block, as text such as ``110101``.
        cost: predicted, in the budget's unit.
    """

    alpha: NDArray[np.float32]
    path: str
    cost: float


class LoadedDynamicModel(Protocol):
    """A dynamic graph, ready to run; attributes as of ``LoadedModel``."""

    height: int
    width: int
    ran_on: str

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8], budget: float) -> DynamicMatte:
        """Matte image uint8[H, W, 3] (RGB) and trimap uint8[H, W] within a budget."""
        ...


class LoadedProbe(Protocol):
    """A probe graph, ready to run; attributes as of ``LoadedModel``."""

    height: int
    width: int
    ran_on: str

    def __call__(
        self, image: NDArray[np.uint8], trimap: NDArray[np.uint8], path: Sequence[bool]
    ) -> NDArray[np.float32]:
        """Return alpha float32[H, W] along a path."""
        ...


class Runtime(Protocol):
    """Loads the files of one target.

    Attributes:
        name: how commands call it.
    """

    name: str

    def load(self, file: Path, entry_point: str, *, threads: int) -> LoadedModel:
        """Load one entry point.

        Raises:
            ArtifactError: in one paragraph, if the file is missing, damaged or another target's, or has no such entry
                point. Native code may end the process over a damaged file: call this in a worker, or check the file's
                hash first.
        """
        ...

    def load_dynamic(self, file: Path, entry_point: str, *, threads: int) -> LoadedDynamicModel:
        """Load a dynamic graph.

        Raises:
            ArtifactError: as ``load``.
        """
        ...

    def load_probe(self, file: Path, entry_point: str, *, threads: int) -> LoadedProbe:
        """Load a probe graph.

        Raises:
            ArtifactError: as ``load``.
        """
        ...

    def first_divergence(self, file: Path, entry_point: str, expected: Expectation) -> Divergence | None:
        """Find where an entry point, which may be too damaged to load, starts to differ; None if nowhere.

        Blocks are told by intermediate values where the runtime shows them, and by the weights that the file holds.
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
