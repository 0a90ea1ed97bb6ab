"""The report of an artifact folder: one HTML file that opens offline and loads nothing, not even a script."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path

from pam_edge.delivery.report.charts import charts
from pam_edge.delivery.report.markup import section
from pam_edge.delivery.report.pictures import beside_float, pictures
from pam_edge.delivery.report.records import Report
from pam_edge.delivery.report.tables import entry_table, facts, header, parity_table


def write_report(file: Path, report: Report) -> None:
    """Write the report as one HTML file."""
    file.write_text(render_report(report), encoding="utf-8")


def render_report(report: Report) -> str:
    """Return the report as HTML; the same report gives the same text."""
    sections = (
        header(report),
        section("Entry points", entry_table(report.entries)),
        charts(report),
        section("Parity with PyTorch", parity_table(report.parity)),
        section("Pictures", pictures(report)) if report.pictures else "",
        section("Beside the float network", beside_float(report.beside_float)) if report.beside_float else "",
        section("How it was made", facts(report.facts)) if report.facts else "",
    )
    style = files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    title = escape(f"{report.title} · {report.target} · {report.mode}")
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n<style>{style}</style>\n'
        f"<main>\n{''.join(sections)}</main>\n</html>\n"
    )
