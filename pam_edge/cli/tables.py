"""Profiles and plans as tables and charts for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pam_edge.device_profiles.loader import ListedProfile
from pam_edge.device_profiles.schema import DeviceProfile, Measurement
from pam_edge.planning.cost import CostTable
from pam_edge.planning.planner import Plan
from pam_edge.planning.service import Planned
from pam_edge.terms import CostUnit, Provenance

BAR_CELLS = 30
CHART_COLUMNS, CHART_ROWS = 56, 12
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_MARKS = "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_COLOURS = {
    Provenance.COUNTED: "cyan",
    Provenance.ESTIMATED: "yellow",
    Provenance.IMPORTED: "green",
    Provenance.MEASURED: "green",
}


def provenance_text(provenance: Provenance) -> Text:
    """Return the word, in its colour."""
    return Text(provenance, style=_COLOURS[provenance])


def bar(value: float, largest: float, cells: int = BAR_CELLS) -> str:
    """Return a bar as wide as ``value`` is of ``largest``, to an eighth of a cell."""
    eighths = round(8 * cells * value / largest) if largest > 0 else 0
    return _EIGHTHS[8] * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def profiles_table(listed: Sequence[ListedProfile]) -> RenderableType:
    """Return all profiles with what they cover; damaged ones with their problem."""
    table = Table(title="Device profiles", title_justify="left")
    for column in ("name", "device", "SoC", "costs are", "for", "from"):
        table.add_column(column, overflow="ellipsis" if column == "name" else "fold")  # people type names
    for entry in listed:
        origin = "pam-edge" if entry.bundled else str(entry.file)
        if entry.profile is None:
            table.add_row(entry.name, Text("damaged", style="red"), "", "", Text(entry.problem, style="red"), origin)
            continue
        profile = entry.profile
        word = provenance_text(profile.provenance)
        table.add_row(entry.name, profile.device, profile.soc, word, _coverage(profile), origin)
    note = Text("estimated: from published peaks, not measured on the device", style="dim")
    return Group(table, note)


def _coverage(profile: DeviceProfile) -> str:
    if profile.estimate is not None:
        units = ", ".join(unit.unit.label for unit in profile.estimate.compute_units)
        return f"any variant and size; {units}"
    return "\n".join(
        f"{t.variant} {t.height}x{t.width} {t.target} {t.precision}, {t.threads} threads" for t in profile.measurements
    )


def sources_table(profile: DeviceProfile) -> RenderableType:
    """Return where an estimate's numbers come from."""
    assert profile.estimate is not None
    table = Table(title="Published peaks", title_justify="left")
    table.add_column("number")
    table.add_column("value", justify="right")
    table.add_column("formula", overflow="fold")
    table.add_column("source", overflow="fold")
    memory = profile.estimate.memory_bandwidth
    table.add_row("memory", f"{memory.gb_per_s:g} GB/s", memory.formula, memory.source)
    for unit in profile.estimate.compute_units:
        for peak in unit.peaks:
            name = f"{unit.unit.replace('_', ' ')} {peak.precision}"
            table.add_row(name, f"{peak.gmacs_per_s:,.0f} GMAC/s", peak.formula, peak.source)
    return Group(table, Text(profile.estimate.method, style="dim"))


def provenance_table(table: Measurement) -> RenderableType:
    """Return how a measured table was made, and how well it predicts."""
    made = table.provenance
    grid = Table.grid(padding=(0, 2))
    percentiles = table.latency_ms
    memory = f"{table.peak_memory_bytes / 2**20:.0f} MiB" if table.peak_memory_bytes else "not known"
    for name, value in (
        ("with", f"{table.runtime} {table.runtime_version}, {table.delegate}, {table.threads} threads"),
        ("from", f"{made.source}, {made.date.isoformat()}, fitted by pam-edge {made.tool_version}"),
        ("timings", f"{made.samples} of {made.paths} paths"),
        (
            "held out",
            f"{made.held_out_paths} paths: median error {made.held_out_median_error_pct:.2f}%, worst "
            f"{made.held_out_worst_error_pct:.2f}%",
        ),
        ("latency", f"p10 {percentiles.p10:.2f}, p50 {percentiles.p50:.2f}, p90 {percentiles.p90:.2f} ms"),
        ("peak memory", memory),
        *(("notice", notice) for notice in made.notices),
    ):
        grid.add_row(Text(name, style="bold"), value)
    return grid


def costs_chart(costs: CostTable, names: Sequence[str], title: str) -> RenderableType:
    """Return a bar per block: what running it costs, and what bypassing it costs."""
    unit = costs.unit
    largest = max(*costs.run, *costs.bypass)
    table = Table(title=title, title_justify="left")
    table.add_column("block")
    table.add_column(f"run {unit}", justify="right", no_wrap=True)
    table.add_column(f"bypass {unit}", justify="right", no_wrap=True)
    table.add_column("run over bypass", no_wrap=True, overflow="crop")
    rows = zip(names, costs.run, costs.run_errors, costs.bypass, costs.bypass_errors, strict=True)
    for name, run, run_error, bypass, bypass_error in rows:
        bars = Text.assemble(
            (bar(run, largest), _COLOURS[costs.provenance]), "\n", (bar(bypass, largest), "bright_black")
        )
        table.add_row(name, _with_error(run, run_error), _with_error(bypass, bypass_error), bars)
    table.add_section()
    table.add_row("fixed", _with_error(costs.fixed, costs.fixed_error), "", "paid on every path")
    table.add_row("full path", f"{costs.full:.4g}", "", "")
    ratio = f"{100 * costs.shortest / costs.full:.1f}% of the full path"
    table.add_row("shortest", "", f"{costs.shortest:.4g}", ratio)
    return table


def _with_error(value: float, error: float) -> str:
    return f"{value:.4g} ± {error:.2g}" if error else f"{value:.4g}"


def plans_table(planned: Planned) -> RenderableType:
    """Return one row per budget; costs carry their provenance."""
    table = Table(title=f"{planned.title} · {planned.basis}", title_justify="left")
    table.add_column("budget")
    table.add_column("limit", justify="right")
    table.add_column("path", no_wrap=True)
    table.add_column("predicted cost", justify="right")
    table.add_column("GMACs", justify="right")
    has_errors = any(plan.expected_error is not None for plan in planned.plans)
    if has_errors:
        table.add_column("expected error", justify="right")
    for plan in planned.plans:
        row: list[RenderableType] = [
            str(plan.budget),
            f"{plan.limit:.4g} {plan.limit_unit}",
            path_text(plan),
            _cost_text(plan),
            f"{plan.gmacs:.3f}",
        ]
        error = f"{plan.expected_error:.4g}" if plan.expected_error is not None else "not listed"
        table.add_row(*row, *([error] if has_errors else []))
    objectives = dict.fromkeys(plan.objective for plan in planned.plans)
    return Group(table, *(Text(f"chosen: {objective}", style="dim") for objective in objectives))


def _cost_text(plan: Plan) -> Text:
    low, high = plan.interval
    interval = f" ({low:.4g} to {high:.4g})" if high > low else ""
    text = Text(f"{plan.predicted_cost:.4g} {plan.unit}{interval} ")
    return text.append_text(provenance_text(plan.provenance))


def path_text(plan: Plan) -> Text:
    """Return a path with the bypassed blocks dimmed."""
    return Text.assemble(*(("1", "bold") if run else ("0", "bright_black") for run in plan.path.runs))


def front_chart(planned: Planned) -> RenderableType:
    """Return the Pareto front as a chart of characters: dots for the front, a digit or letter for each budget."""
    by_error = planned.front[-1].expected_error is not None
    if not by_error and planned.costs.unit is CostUnit.GMAC:
        return Text("no Pareto front: cost and objective are both MACs until there is a profile or an error table")
    points = [(plan.predicted_cost, _height(plan, by_error), "·") for plan in planned.front]
    chosen = [plan for plan in planned.plans if not by_error or plan.expected_error is not None]
    marks = list(zip(_MARKS, chosen, strict=False))
    points += [(plan.predicted_cost, _height(plan, by_error), mark) for mark, plan in marks]
    what = "expected error (lower is better)" if by_error else "GMACs of the path"
    unit, word = planned.costs.unit, planned.costs.provenance
    heading = Text(f"Pareto front: {what} against cost in {unit}, {word}", style="bold")
    legend = ", ".join(f"{mark} {plan.budget.text}" for mark, plan in marks)
    return Group(heading, *_chart(points), Text(f"· front, {legend}", style="dim"))


def _height(plan: Plan, by_error: bool) -> float:
    return plan.expected_error if by_error and plan.expected_error is not None else plan.gmacs


def _chart(points: Iterable[tuple[float, float, str]]) -> list[Text]:
    points = list(points)
    (left, right), (bottom, top) = ((min(v), max(v)) for v in ([p[0] for p in points], [p[1] for p in points]))
    grid = [[" "] * CHART_COLUMNS for _ in range(CHART_ROWS)]
    for x, y, mark in points:
        column = round((CHART_COLUMNS - 1) * (x - left) / (right - left)) if right > left else 0
        row = round((CHART_ROWS - 1) * (top - y) / (top - bottom)) if top > bottom else 0
        grid[row][column] = mark
    labels = {0: f"{top:.4g}", CHART_ROWS - 1: f"{bottom:.4g}"}
    lines = [Text(f"{labels.get(row, ''):>8} │{''.join(cells)}") for row, cells in enumerate(grid)]
    ends = f"{left:.4g}{f'{right:.4g}':>{CHART_COLUMNS - len(f'{left:.4g}')}}"
    return [*lines, Text(f"{'':>8} └{'─' * CHART_COLUMNS}"), Text(f"{'':>10}{ends}")]
