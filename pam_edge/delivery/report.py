"""The report of an artifact folder: one HTML file that opens offline and loads nothing, not even a script.

All in one file, style sheet included, so that what is on the page can be read from top to bottom here. The records
hold plain values: whoever has the numbers fills them, and nothing else of pam-edge is needed to show them.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Status = Literal["passed", "failed", "not run"]

_LARGEST_SIDE_PX = 512
"""Pictures are shown no larger than this: the page stays a few megabytes."""

_HATCH = (
    '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="hatch-back" width="7" height="7"/><rect class="hatch-line" width="3" height="7"/></pattern></defs>'
)

_MORE_OPAQUE, _LESS_OPAQUE = (255, 150, 40), (70, 150, 255)
"""Colours of differences: orange where the artifact is more opaque than PyTorch, blue where it is less."""


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


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the page shows.

    Attributes:
        title: such as ``pam-tiny``.
        untrained: whether the weights are an initialisation; marked wherever results are shown.
        target: output format in words.
        mode: static, multi, dynamic or probe.
        precision: fp32 or fp16.
        height: of the graph's input, in pixels.
        width: of the graph's input, in pixels.
        profile: name of the device profile, or what stands in for one.
        provenance: of the profile's costs: measured, imported, estimated or counted.
        entries: in the order of the budgets.
        parity: one row per entry point and runtime; empty when parity was not asked for.
        front: paths to choose from, if known.
        pictures: to look at.
        notes: paragraphs a reader should see, such as what a runtime can and cannot prove.
        facts: pairs for the last section: command, versions, checkpoint hash.
    """

    title: str
    untrained: bool
    target: str
    mode: str
    precision: str
    height: int
    width: int
    profile: str
    provenance: str
    entries: tuple[EntryReport, ...]
    parity: tuple[ParityRow, ...]
    front: Front | None = None
    pictures: tuple[PictureRow, ...] = ()
    notes: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


def write_report(file: Path, report: Report) -> None:
    """Write the report as one HTML file."""
    file.write_text(render_report(report), encoding="utf-8")


def render_report(report: Report) -> str:
    """Return the report as HTML; the same report gives the same text."""
    sections = (
        _header(report),
        _section("Entry points", _entry_table(report.entries)),
        _charts(report),
        _section("Parity with PyTorch", _parity_table(report.parity)),
        _section("Pictures", _pictures(report)) if report.pictures else "",
        _section("How it was made", _facts(report.facts)) if report.facts else "",
    )
    title = escape(f"{report.title} · {report.target} · {report.mode}")
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n<style>{_STYLE}</style>\n'
        f"<main>\n{''.join(sections)}</main>\n</html>\n"
    )


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>\n"


def _header(report: Report) -> str:
    untrained = '<span class="badge warn">UNTRAINED</span>' if report.untrained else ""
    facts = (
        ("Target", report.target),
        ("Mode", report.mode),
        ("Precision", report.precision),
        ("Size (height × width)", f"{report.height} × {report.width}"),
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


def _entry_table(entries: Sequence[EntryReport]) -> str:
    head = (
        "<tr><th>Entry point<th>Budget<th>Path<th class=n>Predicted cost<th class=n>GMACs"
        "<th>File<th class=n>Size<th>SHA-256</tr>"
    )
    return _table(head, (_entry_row(entry) for entry in entries))


def _entry_row(entry: EntryReport) -> str:
    low_high = f"{_number(entry.interval[0])} to {_number(entry.interval[1])}, " if entry.interval else ""
    return (
        f"<tr><th>{escape(entry.name)}<td>{escape(entry.budget)}<td>{_path(entry.path)}"
        f"<td class=n><b>{_number(entry.predicted_cost)} {escape(entry.unit)}</b>"
        f"<small>{low_high}{escape(entry.provenance)}</small>"
        f"<td class=n>{_number(entry.gmacs)}<td><code>{escape(entry.file)}</code>"
        f"<td class=n>{entry.size_bytes / 2**20:.2f} MiB<td><code title='{escape(entry.sha256)}'>"
        f"{escape(entry.sha256[:12])}</code></tr>"
    )


def _path(path: Sequence[bool] | None) -> str:
    if path is None:
        return "<small>chosen per image</small>"
    squares = "".join("<i class=run></i>" if run else "<i></i>" for run in path)
    words = f"{sum(path)} of {len(path)} blocks run"
    return f'<span class="path" role="img" aria-label="{words}" title="{words}">{squares}</span><small>{words}</small>'


def _parity_table(rows: Sequence[ParityRow]) -> str:
    if not rows:
        return '<p class="note">Parity was not run: nothing here says that the artifact computes what PyTorch does.</p>'
    head = (
        "<tr><th>Entry point<th>Result<th class=n>Images<th class=n>max |Δα|<th class=n>RMS Δα, unknown"
        "<th class=n>ΔSAD / 1000<th class=n>Other paths<th>Ran on</tr>"
    )
    return _table(head, (_parity_row(row) for row in rows))


def _parity_row(row: ParityRow) -> str:
    kind, sign = {"passed": ("good", "✓"), "failed": ("bad", "✕"), "not run": ("idle", "–")}[row.status]
    note = f"<small>{escape(row.note)}</small>" if row.note else ""
    mismatches = "–" if row.path_mismatches is None else str(row.path_mismatches)
    return (
        f'<tr><th>{escape(row.entry_point)}<td><span class="badge {kind}">{sign} {row.status}</span>'
        f"<td class=n>{row.images}"
        f"<td class=n>{_against(row.max_abs_error, row.max_abs_limit)}"
        f"<td class=n>{_against(row.rms_error_unknown, row.rms_limit)}"
        f"<td class=n>{'–' if row.sad_change is None else _signed_number(row.sad_change)}"
        f"<td class=n>{mismatches}<td>{escape(row.ran_on)}{note}</tr>"
    )


def _against(error: float | None, limit: float) -> str:
    value = "–" if error is None else f"<b{' class=over' if not error <= limit else ''}>{_scientific(error)}</b>"
    return f"{value}<small>limit {_scientific(limit)}</small>"


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd><code>{escape(value)}</code></dd>" for name, value in facts)
    return f'<dl class="facts">{rows}</dl>'


def _table(head: str, rows: Iterable[str]) -> str:
    return f'<div class="scroll"><table><thead>{head}</thead>\n<tbody>{"".join(rows)}</tbody></table></div>'


def _charts(report: Report) -> str:
    bars = _section("Predicted cost and budget", _cost_bars(report.entries)) if report.entries else ""
    front = report.front
    chart = _section("Paths to choose from", _front_chart(front)) if front and front.points else ""
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
    cost = f"{_number(entry.predicted_cost)} {escape(entry.unit)}"
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


def _pictures(report: Report) -> str:
    warning = (
        '<p class="note">The weights are an initialisation: these mattes show that the artifact computes what PyTorch '
        "does, not how well a trained network cuts out.</p>"
        if report.untrained
        else ""
    )
    names = list(dict.fromkeys(row.picture for row in report.pictures))
    groups = ([row for row in report.pictures if row.picture == name] for name in names)
    hint = "<p class=hint>Click a picture to enlarge it, and again to put it back.</p>"
    return warning + hint + "".join(_picture(group) for group in groups)


def _picture(rows: Sequence[PictureRow]) -> str:
    first = rows[0]
    inputs = _figure("Image", _jpeg(first.image)) + _figure("Trimap", _png(_shrink(first.trimap)))
    return (
        f"<article><h3>{escape(first.picture)} <small>{escape(first.source)}</small></h3>"
        f'<div class="picture"><div class="inputs">{inputs}</div><div class="results">'
        f"{''.join(_picture_row(row) for row in rows)}</div></div></article>"
    )


def _picture_row(row: PictureRow) -> str:
    reference = _figure("PyTorch", _png(_grey(row.reference)))
    if row.artifact is None:
        cells, summary = '<div class="missing">not run</div>' * 2, "not run"
    else:
        difference = row.artifact.astype(np.float32) - row.reference
        caption = f"Difference × {row.gain:,.0f}" if row.gain >= 10 else f"Difference × {row.gain:g}"
        cells = _figure("Artifact", _png(_grey(row.artifact))) + _figure(caption, _png(_signed(difference * row.gain)))
        summary = f"max |Δα| {_scientific(float(np.abs(difference).max()))}, full colour at {_scientific(1 / row.gain)}"
    cutout = "" if row.cutout is None else _figure("Cut-out", _png(_shrink(row.cutout)), "cutout")
    return (
        f"<h4>{escape(row.entry_point)} <small>{summary}</small></h4>"
        f'<div class="cells">{reference}{cells}{cutout}</div>'
    )


def _figure(caption: str, source: str, kind: str = "") -> str:
    zoom = f'<label><input type="checkbox"><img class="{kind}" src="{source}" alt="{escape(caption)}"></label>'
    return f"<figure>{zoom}<figcaption>{escape(caption)}</figcaption></figure>"


def _grey(alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    return _shrink((np.nan_to_num(alpha).clip(0, 1) * 255).round().astype(np.uint8))


def _signed(difference: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return uint8[h,w,3]: black where equal, orange up to 1 where the artifact is more opaque, blue where less."""
    difference = np.nan_to_num(_strongest(difference), nan=1.0).clip(-1, 1)[..., None]
    colours = np.where(difference > 0, np.array(_MORE_OPAQUE), np.array(_LESS_OPAQUE))
    return np.asarray((np.abs(difference) * colours).round(), dtype=np.uint8)


def _strongest(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shrink by keeping each cell's largest difference: an average would hide the one pixel that is wrong."""
    cell = -(-max(difference.shape) // _LARGEST_SIDE_PX)
    height, width = (-(-side // cell) * cell for side in difference.shape)
    padded = np.zeros((height, width), np.float32)
    padded[: difference.shape[0], : difference.shape[1]] = difference
    blocks = padded.reshape(height // cell, cell, width // cell, cell).swapaxes(1, 2)
    cells = blocks.reshape(height // cell, width // cell, cell * cell)
    strongest = np.abs(np.nan_to_num(cells, nan=np.inf)).argmax(axis=2)
    return np.asarray(np.take_along_axis(cells, strongest[..., None], axis=2)[..., 0], dtype=np.float32)


def _shrink(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = _LARGEST_SIDE_PX / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _jpeg(image: NDArray[np.uint8]) -> str:
    return _data_uri("jpeg", cv2.imencode(".jpg", _shrink(image)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1])


def _png(picture: NDArray[np.uint8]) -> str:
    if picture.ndim == 3:
        picture = picture[..., [2, 1, 0, 3] if picture.shape[2] == 4 else [2, 1, 0]]
    return _data_uri("png", cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1])


def _data_uri(kind: str, encoded: NDArray[np.uint8]) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(encoded.tobytes()).decode()}"


def _number(value: float) -> str:
    """Return a cost with about three significant digits, never in powers of ten."""
    return f"{value:,.{max(0, min(4, 2 - math.floor(math.log10(abs(value)))))}f}" if value else "0"


def _signed_number(value: float) -> str:
    return f"{value:+.5f}".replace("-", "−")


def _scientific(value: float) -> str:
    return "0" if value == 0 else f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e+")


_STYLE = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#171b22;--soft:#5b6472;--line:#dfe3e9;--accent:#2f6fde;
--pale:#c9d8f5;--good:#157347;--good-b:#dcf3e6;--bad:#b42318;--bad-b:#fde5e2;--warn:#8a5300;--warn-b:#ffedc9;
--idle:#4d5562;--idle-b:#e6e9ee;--check:#d5d9df}
@media(prefers-color-scheme:dark){:root{--page:#101318;--card:#181c23;--ink:#e8ebf0;--soft:#98a2b1;--line:#2b313b;
--accent:#6fa3ff;--pale:#2a3e63;--good:#6fdaa2;--good-b:#12382a;--bad:#ff9a8f;--bad-b:#4a1d1a;--warn:#ffc861;
--warn-b:#43310c;--idle:#b4bcc8;--idle-b:#2a303a;--check:#39404b}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1180px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:32px;line-height:1.2;margin:0 0 18px;display:flex;flex-wrap:wrap;gap:12px;align-items:center}
h2{font-size:18px;margin:0 0 12px}
h3{font-size:16px;margin:0 0 10px}h4{font-size:14px;margin:0 0 6px}
small{font-size:12px;font-weight:400;color:var(--soft)}
code{font:12.5px ui-monospace,"SF Mono",Menlo,Consolas,monospace;overflow-wrap:anywhere}
.eyebrow{margin:0 0 4px;color:var(--soft);font-size:13px;letter-spacing:.04em}
.badge{font-size:13px;font-weight:600;padding:3px 10px;border-radius:999px;white-space:nowrap;line-height:1.5}
.good{color:var(--good);background:var(--good-b)}.bad{color:var(--bad);background:var(--bad-b)}
.warn{color:var(--warn);background:var(--warn-b);letter-spacing:.06em}.idle{color:var(--idle);background:var(--idle-b)}
.head{display:flex;flex-wrap:wrap;gap:10px 36px;margin:0}
dt{font-size:12px;color:var(--soft)}dd{margin:0;font-weight:600}
.note{margin:14px 0 0;padding:10px 14px;border-left:3px solid var(--warn);background:var(--warn-b);
border-radius:0 6px 6px 0}
section .note{margin:0 0 12px}
.plain{border-color:var(--accent);background:var(--card)}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px;margin-top:20px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:0 20px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:9px 14px 9px 0;border-top:1px solid var(--line)}
thead th{border:0;padding-top:0;font-size:12px;font-weight:500;color:var(--soft);white-space:nowrap}
td small{display:block;white-space:nowrap}td code{white-space:nowrap}td:last-child{min-width:14em}
tr>:last-child{padding-right:0}
.n{text-align:right;white-space:nowrap}.over{color:var(--bad)}
.path{display:flex;gap:2px;padding-top:5px}
.path i{width:9px;height:14px;border-radius:2px;border:1px solid var(--soft);opacity:.55}
.path .run{background:var(--accent);border-color:var(--accent);opacity:1}
svg{width:100%;height:auto;display:block;font-size:13px;fill:var(--ink);font-variant-numeric:tabular-nums}
.solid{fill:var(--accent)}.hatched{fill:url(#hatch);stroke:var(--accent)}
.hatch-back{fill:var(--pale)}.hatch-line{fill:var(--accent)}
path.whisker{stroke:var(--ink);stroke-width:1.5;fill:none}path.tick{stroke:var(--bad);stroke-width:2.5}
.value,.name{font-weight:600}.name{paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
.axis{fill:var(--soft);font-size:12px}.grid{stroke:var(--line)}
.front{fill:none;stroke:var(--accent);stroke-width:1.5}.on{fill:var(--accent)}.off{fill:var(--soft);opacity:.35}
.chosen{fill:var(--card);stroke:var(--accent);stroke-width:3}
.legend,.hint{margin:10px 0 0;font-size:12px;color:var(--soft)}.hint{margin:0 0 14px}
.legend i{display:inline-block;width:14px;height:10px;margin:0 5px 0 12px;vertical-align:-1px;border-radius:2px}
.legend i:first-child{margin-left:0}.legend .bar{background:var(--accent)}
.legend .hatch{background:repeating-linear-gradient(135deg,var(--accent) 0 3px,var(--pale) 3px 6px)}
.legend .tick{width:3px;height:13px;background:var(--bad)}
.legend .whisker{height:2px;vertical-align:3px;background:var(--ink)}
article+article{border-top:1px solid var(--line);margin-top:22px;padding-top:20px}
.picture{display:grid;grid-template-columns:minmax(120px,1fr) 4.4fr;gap:24px}
.inputs,.results{display:flex;flex-direction:column;gap:10px}
.cells{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin-bottom:8px}
figure{margin:0}figcaption{font-size:12px;color:var(--soft);margin-top:3px}
img{display:block;width:100%;border-radius:6px;background:#000;cursor:zoom-in}
.cutout{background:linear-gradient(90deg,transparent 50%,#13a67a 50%),
repeating-conic-gradient(var(--check) 0 25%,var(--card) 0 50%) 0 0/20px 20px}
.missing{display:grid;place-items:center;border:1px dashed var(--soft);border-radius:6px;color:var(--soft);
min-height:90px}
input[type=checkbox]{position:absolute;opacity:0}
input:focus-visible+img{outline:3px solid var(--accent)}
input:checked+img{position:fixed;inset:0;width:100%;height:100%;padding:24px;object-fit:contain;z-index:1;
border-radius:0;cursor:zoom-out;image-rendering:pixelated}
input:checked+img:not(.cutout){background:#000d}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:6px 24px;margin:0}.facts dd{font-weight:400}
@media(max-width:760px){.picture{grid-template-columns:1fr}.inputs{flex-direction:row}.inputs figure{flex:1}
.cells{grid-template-columns:1fr 1fr}.charts{grid-template-columns:1fr}}
@media print{section{break-inside:avoid}}
"""
