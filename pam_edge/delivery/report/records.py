"""What the report shows: plain values, filled by whoever has the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Status = Literal["passed", "failed", "not run"]


@dataclass(frozen=True, slots=True)
class EntryReport:
    """An entry point of the artifact.

    Attributes:
        name: of the entry point, such as ``mild``.
        budget: as the user wrote it.
        limit: the budget in ``unit``; None when it cannot be said in that unit.
        path: per block, whether it runs; None when the graph chooses per image.
        predicted_cost: in ``unit``; for a graph that chooses, its dearest path within the budget.
        interval: bounds of the predicted cost in ``unit``; None when there is no error estimate.
        unit: of the costs, such as ``ms``.
        provenance: of the costs: measured, imported, estimated or counted.
        gmacs: per image.
        file: holding the entry point, relative to the artifact folder.
        size_bytes: of that file (or folder, all files in it).
        sha256: of that file, in hexadecimal.
    """

    name: str
    budget: str
    limit: float | None
    path: tuple[bool, ...] | None
    predicted_cost: float
    interval: tuple[float, float] | None
    unit: str
    provenance: str
    gmacs: float
    file: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ParityRow:
    """What comparing an entry point with the supernet in PyTorch gave.

    Attributes:
        entry_point: its name.
        status: ``not run`` is no kind of ``passed``, and is never shown as such.
        ran_on: runtime that computed the artifact's side, or why none did.
        images: how many were compared.
        max_abs_error: largest difference of alpha anywhere, 0..1.
        rms_error_unknown: root mean square difference of alpha in the unknown region, 0..1.
        sad_change: change of the sum of absolute differences to the true alpha, unknown region, / 1000.
        max_abs_limit: allowed for ``max_abs_error``.
        rms_limit: allowed for ``rms_error_unknown``.
        path_mismatches: images whose path differed; None for graphs with a fixed path.
        note: what else a reader should know, such as the first diverging block.
    """

    entry_point: str
    status: Status
    ran_on: str
    images: int
    max_abs_error: float | None
    rms_error_unknown: float | None
    sad_change: float | None
    max_abs_limit: float
    rms_limit: float
    path_mismatches: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.status == "passed" and (
            self.images < 1 or self.max_abs_error is None or self.rms_error_unknown is None
        ):
            raise ValueError(
                f"Expected errors on at least one image for {self.entry_point!r} to have passed; got none."
            )


@dataclass(frozen=True, slots=True)
class FrontPoint:
    """A path in the plane of cost and value; a labelled one is an entry point's."""

    cost: float
    value: float
    on_front: bool = True
    label: str = ""


@dataclass(frozen=True, slots=True)
class Front:
    """Paths to choose from: ``value_label`` over ``cost_label``, each with its unit and provenance in words."""

    cost_label: str
    value_label: str
    points: tuple[FrontPoint, ...]


@dataclass(frozen=True, slots=True)
class PictureRow:
    """One picture through one entry point; rows of one picture follow each other and share its image and trimap.

    Attributes:
        picture: its name.
        source: whose picture it is.
        entry_point: that computed ``artifact``.
        image: uint8[H,W,3], RGB.
        trimap: uint8[H,W] of 0, 128 and 255.
        reference: float32[H,W], 0..1: alpha of the supernet in PyTorch.
        artifact: float32[H,W], 0..1: alpha of the artifact; None when it was not run.
        cutout: uint8[H,W,4], RGBA, straight alpha; None when there is none.
        gain: what differences of alpha are multiplied by before they are shown as colour.
        mask: uint8[h,w], what the artifact was given if it takes no trimap; None otherwise.
        colours_are_artifacts: whether the cut-out's colours are the artifact's own: its fringe is then shown as well.
    """

    picture: str
    source: str
    entry_point: str
    image: NDArray[np.uint8]
    trimap: NDArray[np.uint8]
    reference: NDArray[np.float32]
    artifact: NDArray[np.float32] | None
    cutout: NDArray[np.uint8] | None
    gain: float
    mask: NDArray[np.uint8] | None = None
    colours_are_artifacts: bool = False


@dataclass(frozen=True, slots=True)
class BesideFloatRow:
    """The judged picture that quantisation made worst along a path.

    Attributes:
        picture: its name.
        source: whose picture it is.
        path: that was forced.
        sad_change: as a share of the float matte's SAD.
        image: uint8[H,W,3], RGB.
        truth: float32[H,W], 0..1: its true alpha.
        full: float32[H,W], 0..1: alpha of the float network in PyTorch.
        quantised: float32[H,W], 0..1: alpha of the quantised network in PyTorch.
        gain: what differences of alpha are multiplied by before they are shown as colour.
    """

    picture: str
    source: str
    path: str
    sad_change: float
    image: NDArray[np.uint8]
    truth: NDArray[np.float32]
    full: NDArray[np.float32]
    quantised: NDArray[np.float32]
    gain: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the page shows.

    Attributes:
        title: such as ``pam-tiny``.
        untrained: whether the weights are an initialisation; marked wherever results are shown.
        target: output format in words.
        mode: static, multi, dynamic or probe.
        precision: such as fp32.
        sizes: heights and widths of the images that the graphs take, in pixels.
        profile: name of the device profile, or what stands in for one.
        provenance: of the profile's costs: measured, imported, estimated or counted.
        entries: in the order of the budgets.
        parity: one row per entry point and runtime; empty when parity was not asked for.
        front: paths to choose from, if known.
        pictures: to look at.
        beside_float: of a quantised artifact, for each path that was judged.
        notes: paragraphs a reader should see, such as what a runtime can and cannot prove.
        facts: pairs for the last section: command, versions, checkpoint hash.
    """

    title: str
    untrained: bool
    target: str
    mode: str
    precision: str
    sizes: tuple[tuple[int, int], ...]
    profile: str
    provenance: str
    entries: tuple[EntryReport, ...]
    parity: tuple[ParityRow, ...]
    front: Front | None = None
    pictures: tuple[PictureRow, ...] = ()
    beside_float: tuple[BesideFloatRow, ...] = ()
    notes: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
