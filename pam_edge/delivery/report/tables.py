"""Head and tables of the report: what was made, and whether it computes what PyTorch does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from pam_edge.delivery.report.markup import number, scientific, signed_number, table
from pam_edge.delivery.report.records import EntryReport, ParityRow, Report


def header(report: Report) -> str:
    """Return the head: what was made, and the verdict on parity."""
    untrained = '<span class="badge warn">UNTRAINED</span>' if report.untrained else ""
    facts = (
        ("Target", report.target),
        ("Mode", report.mode),
        ("Precision", report.precision),
        ("Size (height × width)", ", ".join(f"{height} × {width}" for height, width in report.sizes)),
        ("Profile", report.profile),
        ("Its costs are", report.provenance),
    )
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    notes = "".join(f'<p class="note plain">{escape(note)}</p>' for note in report.notes)
    return (
        f'<header>\n<p class="eyebrow">pam-edge · artifact report</p>\n'
        f"<h1>{escape(report.title)} {untrained} {_verdict(report.parity)}</h1>\n"
        f'<dl class="head">{cells}</dl>\n{notes}</header>\n'
    )


def _verdict(parity: Sequence[ParityRow]) -> str:
    """Return the badge that sums up parity: green only when every row passed and there is one."""
    counts = {status: sum(row.status == status for row in parity) for status in ("passed", "failed", "not run")}
    if counts["failed"]:
        return f'<span class="badge bad">✕ parity failed: {counts["failed"]} of {len(parity)}</span>'
    if counts["not run"] or not parity:
        share = f": {counts['not run']} of {len(parity)}" if parity else ""
        return f'<span class="badge idle">– parity not run{share}</span>'
    return f'<span class="badge good">✓ parity passed: {len(parity)} of {len(parity)}</span>'


def entry_table(entries: Sequence[EntryReport]) -> str:
    """Return a row per entry point."""
    head = (
        "<tr><th>Entry point<th>Budget<th>Path<th class=n>Predicted cost<th class=n>GMACs"
        "<th>File<th class=n>Size<th>SHA-256</tr>"
    )
    return table(head, (_entry_row(entry) for entry in entries))


def _entry_row(entry: EntryReport) -> str:
    low_high = f"{number(entry.interval[0])} to {number(entry.interval[1])}, " if entry.interval else ""
    return (
        f"<tr><th>{escape(entry.name)}<td>{escape(entry.budget)}<td>{_path(entry.path)}"
        f"<td class=n><b>{number(entry.predicted_cost)} {escape(entry.unit)}</b>"
        f"<small>{low_high}{escape(entry.provenance)}</small>"
        f"<td class=n>{number(entry.gmacs)}<td><code>{escape(entry.file)}</code>"
        f"<td class=n>{entry.size_bytes / 2**20:.2f} MiB<td><code title='{escape(entry.sha256)}'>"
        f"{escape(entry.sha256[:12])}</code></tr>"
    )


def _path(path: Sequence[bool] | None) -> str:
    if path is None:
        return "<small>chosen per image</small>"
    squares = "".join("<i class=run></i>" if run else "<i></i>" for run in path)
    words = f"{sum(path)} of {len(path)} blocks run"
    return f'<span class="path" role="img" aria-label="{words}" title="{words}">{squares}</span><small>{words}</small>'


def parity_table(rows: Sequence[ParityRow]) -> str:
    """Return a row per entry point and runtime; in words where parity was not run."""
    if not rows:
        return '<p class="note">Parity was not run: nothing here says that the artifact computes what PyTorch does.</p>'
    head = (
        "<tr><th>Entry point<th>Result<th class=n>Images<th class=n>max |Δα|<th class=n>RMS Δα, unknown"
        "<th class=n>ΔSAD / 1000<th class=n>Other paths<th>Ran on</tr>"
    )
    return table(head, (_parity_row(row) for row in rows))


def _parity_row(row: ParityRow) -> str:
    kind, sign = {"passed": ("good", "✓"), "failed": ("bad", "✕"), "not run": ("idle", "–")}[row.status]
    note = f"<small>{escape(row.note)}</small>" if row.note else ""
    mismatches = "–" if row.path_mismatches is None else str(row.path_mismatches)
    return (
        f'<tr><th>{escape(row.entry_point)}<td><span class="badge {kind}">{sign} {row.status}</span>'
        f"<td class=n>{row.images}"
        f"<td class=n>{_against(row.max_abs_error, row.max_abs_limit)}"
        f"<td class=n>{_against(row.rms_error_unknown, row.rms_limit)}"
        f"<td class=n>{'–' if row.sad_change is None else signed_number(row.sad_change)}"
        f"<td class=n>{mismatches}<td>{escape(row.ran_on)}{note}</tr>"
    )


def _against(error: float | None, limit: float) -> str:
    value = "–" if error is None else f"<b{' class=over' if not error <= limit else ''}>{scientific(error)}</b>"
    return f"{value}<small>limit {scientific(limit)}</small>"


def facts(facts: Iterable[tuple[str, str]]) -> str:
    """Return pairs of names and values."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd><code>{escape(value)}</code></dd>" for name, value in facts)
    return f'<dl class="facts">{rows}</dl>'
