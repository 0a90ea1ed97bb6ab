"""A graph's ends, between the manifest's record and what computes with them."""

from __future__ import annotations

from pam_edge.delivery.artifact.manifest import EndsRecord, PlannedEntryRecord
from pam_edge.graphs.ends import Ends, Interface


def ends_record(ends: Ends) -> EndsRecord:
    """Return the record that states a graph's ends."""
    return EndsRecord(
        source=ends.source,
        result=ends.result,
        band_px=ends.band_px,
        mask_height=ends.mask_height,
        mask_width=ends.mask_width,
    )


def interface_of(entry: PlannedEntryRecord) -> Interface:
    """Return what an entry point takes and gives."""
    return Interface(entry.height, entry.width, ends_of(entry.ends))


def ends_of(record: EndsRecord) -> Ends:
    """Return the ends that a record states."""
    return Ends(**record.model_dump())
