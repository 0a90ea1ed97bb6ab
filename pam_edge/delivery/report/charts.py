"""Charts of the report, in SVG: costs against budgets, and the paths to choose from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from pam_edge.delivery.report.markup import number, section
from pam_edge.delivery.report.records import EntryReport, Front, FrontPoint, Report

_HATCH = (
    '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="hatch-back" width="7" height="7"/><rect class="hatch-line" width="3" height="7"/></pattern></defs>'
)


def charts(report: Report) -> str:
    """Return the charts for which the report has values, side by side."""
    bars = section("Predicted cost and budget", _cost_bars(report.entries)) if report.entries else ""
    front = report.front
    chart = section("Paths to choose from", _front_chart(front)) if front and front.points else ""
    return f'<div class="charts">{bars}{chart}</div>\n'


def _cost_bars(entries: Sequence[EntryReport]) -> str:
    """Draw a bar per entry point with its interval and its budget; estimated costs are hatched, others solid."""
    left, right, row = 96, 440, 46
    largest = max(max(e.predicted_cost, e.limit or 0, e.interval[1] if e.interval else 0) for e in entries) or 1.0
    scale = (right - left) / (largest * 1.05)
    parts = [_svg_open(520, row * len(entries) + 8, "Predicted cost of each entry point against its budget"), _HATCH]
    for index, entry in enumerate(entries):
        parts.append(_cost_bar(entry, left, 8 + index * row, scale))
    return "".join(parts) + f"</svg>{_legend(entries)}"


def _legend(entries: Sequence[EntryReport]) -> str:
    shown = (
        ("bar", "predicted cost", any(entry.provenance != "estimated" for entry in entries)),
        ("hatch", "predicted cost, estimated", any(entry.provenance == "estimated" for entry in entries)),
        ("whisker", "interval", any(entry.interval for entry in entries)),
        ("tick", "budget", any(entry.limit is not None for entry in entries)),
    )
    return f"<p class=legend>{''.join(f'<i class={kind}></i>{name} ' for kind, name, there in shown if there)}</p>"


def _cost_bar(entry: EntryReport, left: float, top: float, scale: float) -> str:
    end, middle = left + entry.predicted_cost * scale, top + 14
    kind = "hatched" if entry.provenance == "estimated" else "solid"
    reach = end
    parts = [
        f'<text x="{left - 10}" y="{middle + 4}" text-anchor="end">{escape(entry.name)}</text>',
        f'<rect class="{kind}" x="{left}" y="{top}" width="{end - left:.1f}" height="28" rx="3"/>',
    ]
    if entry.interval:
        low, high = (left + bound * scale for bound in entry.interval)
        reach = max(reach, high)
        parts.append(
            f'<path class="whisker" d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {top + 8}v12M{high:.1f} {top + 8}v12"/>'
        )
    if entry.limit is not None:
        at = left + entry.limit * scale
        reach = max(reach, at)
        parts.append(f'<path class="tick" d="M{at:.1f} {top - 4}v36"/>')
    cost = f"{number(entry.predicted_cost)} {escape(entry.unit)}"
    return "".join(parts) + f'<text class="value" x="{reach + 8:.1f}" y="{middle + 4}">{cost}</text>'


def _front_chart(front: Front) -> str:
    """Draw all points, the front as a line, and the entry points' with their names."""
    left, top, right, bottom = 64.0, 40.0, 500.0, 220.0
    costs, values = _Scale.of([p.cost for p in front.points]), _Scale.of([p.value for p in front.points])
    places = sorted(
        ((costs.place(p.cost, left, right), values.place(p.value, bottom, top), p) for p in front.points),
        key=lambda place: place[:2],
    )
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, point in places if point.on_front)
    dots = (
        f'<circle class="{"on" if p.on_front else "off"}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y, p in places
    )
    return (
        _svg_open(520, 268, f"{front.value_label} over {front.cost_label}")
        + f'<text class="axis" x="0" y="16">{escape(front.value_label)}</text>'
        + "".join(_grid_line(left, right, values.place(tick, bottom, top), tick) for tick in values.ticks)
        + "".join(_tick_label(costs.place(tick, left, right), bottom + 18, tick) for tick in costs.ticks)
        + f'<polyline class="front" points="{line}"/>{"".join(dots)}{_chosen(places)}'
        + f'<text class="axis" x="{right}" y="262" text-anchor="end">{escape(front.cost_label)}</text></svg>'
    )


def _chosen(places: Sequence[tuple[float, float, FrontPoint]]) -> str:
    """Mark the entry points' paths; names stand above and below in turn, so that neighbours' do not collide."""
    parts = []
    for index, (x, y, point) in enumerate(place for place in places if place[2].label):
        beside = y - 13 if index % 2 == 0 else y + 23
        parts.append(
            f'<circle class="chosen" cx="{x:.1f}" cy="{y:.1f}" r="6"/><text class="name" x="{min(x, 480):.1f}" '
            f'y="{beside:.1f}" text-anchor="middle">{escape(point.label)}</text>'
        )
    return "".join(parts)


def _grid_line(left: float, right: float, y: float, tick: float) -> str:
    label = f'<text class="axis" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
    return f'<path class="grid" d="M{left} {y:.1f}H{right}"/>{label}'


def _tick_label(x: float, y: float, tick: float) -> str:
    return f'<text class="axis" x="{x:.1f}" y="{y}" text-anchor="middle">{tick:g}</text>'


@dataclass(frozen=True, slots=True)
class _Scale:
    """An axis: its ends and the round numbers between them."""

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> _Scale:
        low, high = min(values), max(values)
        margin = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
        low, high = low - margin, high + margin
        rough = (high - low) / 6
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
        first, last = math.ceil(low / step), math.floor(high / step)
        return cls(low, high, tuple(round(n * step, 12) for n in range(first, last + 1)))

    def place(self, value: float, start: float, end: float) -> float:
        return start + (value - self.low) / (self.high - self.low) * (end - start)


def _svg_open(width: int, height: int, label: str) -> str:
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">'
