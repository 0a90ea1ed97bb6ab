"""How a dynamic graph selects its path, between the manifest's records and what computes with them."""

from __future__ import annotations

from pam_edge.converters.base import Selection
from pam_edge.delivery.artifact.manifest import GovernorRecord, SelectionRecord
from pam_edge.graphs.governor import BudgetTable, GovernorCosts


def governor_record(costs: GovernorCosts) -> GovernorRecord:
    """Return the record that states a governor's costs."""
    return GovernorRecord(unit=costs.unit, fixed=costs.fixed, run=costs.run, bypass=costs.bypass, margin=costs.margin)


def governor_costs(record: GovernorRecord) -> GovernorCosts:
    """Return the costs that a record states."""
    return GovernorCosts(
        fixed=record.fixed, run=record.run, bypass=record.bypass, unit=record.unit, margin=record.margin
    )


def with_table(record: GovernorRecord, table: BudgetTable) -> SelectionRecord:
    """Return the record that states a budget table as well."""
    return SelectionRecord(**record.model_dump(), thresholds=table.thresholds)


def selection_of(record: SelectionRecord) -> Selection:
    """Return what a record states.

    Raises:
        UsageError: if its thresholds are no budget table.
    """
    return Selection(governor_costs(record), BudgetTable(record.thresholds))
