"""What costs hold for: one record that planning, measuring and delivery pass on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_edge.errors import UsageError
from pam_edge.supernet.sizes import check_size
from pam_edge.targets import Target
from pam_edge.terms import ComputeUnit, Mode, Precision

if TYPE_CHECKING:
    from pam_edge.supernet.config import SupernetConfig


@dataclass(frozen=True, slots=True)
class Conditions:
    """One network at one size, and how it is run.

    Attributes:
        config: of the network.
        height: of the image, a multiple of 32.
        width: likewise.
        target: None where nothing but MACs is asked for, which are the same on all.
        precision: given None, the target's own.
        mode: a graph that chooses inside costs more than one whose path is fixed, and runs elsewhere.
        threads: None takes what was measured last.
        compute_unit: None where apps' graphs of this kind run.

    Raises:
        UsageError: if the size is none that a network takes, a precision is given without a target, or the
            target does not offer it in the mode.
    """

    config: SupernetConfig
    height: int
    width: int
    target: Target | None = None
    precision: Precision | None = None
    mode: Mode = Mode.STATIC
    threads: int | None = None
    compute_unit: ComputeUnit | None = None

    def __post_init__(self) -> None:
        check_size(self.height, self.width)
        if self.target is None:
            if self.precision or self.compute_unit:
                raise UsageError("Expected a target wherever a precision or a compute unit is asked for; got none.")
            return
        object.__setattr__(self, "precision", self.target.offered(self.precision, self.mode))

    @property
    def on_device(self) -> tuple[Target, Precision]:
        """Target and precision, which a device's costs depend on.

        Raises:
            UsageError: if no target is given.
        """
        if self.target is None or self.precision is None:
            raise UsageError("Costs on a device depend on the target; none is given. Name one.")
        return self.target, self.precision

    @property
    def chooses(self) -> bool:
        """Whether the graph's path is chosen inside it."""
        return self.mode.chooses

    def __str__(self) -> str:
        size = f"{self.height}x{self.width}"
        run = f" with {self.target} in {self.precision}" if self.target else ""
        return f"{self.config.name}{run} at {size}"
