"""What was planned for an artifact, in a form that travels to the worker that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from pam_edge.planning.cost import CostTable
from pam_edge.planning.planner import Plan


@dataclass(frozen=True, slots=True)
class PlannedRecord:
    """Plans with what they were made from.

    Attributes:
        plans: of the entry points, in their order.
        costs: that the plans were made with; equal to ``macs`` where there is no profile.
        macs: at the artifact's size.
    """

    plans: tuple[Plan, ...]
    costs: CostTable
    macs: CostTable

    def as_json(self) -> dict[str, Any]:
        """Return what ``from_json`` reads back, to the bit."""
        values: dict[str, Any] = TypeAdapter(PlannedRecord).dump_python(self, mode="json")
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> PlannedRecord:
        """Return what ``as_json`` was called on."""
        return TypeAdapter(PlannedRecord).validate_python(values)
