"""The Pareto front as a picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from pam_edge.errors import UsageError
from pam_edge.files import check_can_write, write_whole
from pam_edge.planning.planner import Plan
from pam_edge.planning.service import Planned

COLOURS = ("#c8553d", "#2a6f97", "#588157", "#7b2cbf", "#b8860b", "#5c677d")
_FRONT, _SKIPPED = "#9aa5b1", "#e9ecef"


def check_plot(file: Path) -> None:
    """Refuse a file that no front can be drawn into, before there is one.

    Raises:
        UsageError: if the file is no PNG or cannot be written.
    """
    check_can_write("--plot", file)
    if file.suffix.lower() != ".png":
        raise UsageError(f"--plot: expected a file that ends in .png; got {file}. Name it {file.name}.png, for one.")


def plot_front(planned: Planned, file: Path) -> None:
    """Draw the front, the budgets' paths on it, and which blocks each path runs; write a PNG, whole or not at all."""
    write_whole(file, draw_front(planned))


def draw_front(planned: Planned) -> bytes:
    """Return the picture as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = len(planned.plans)
    figure = Figure(figsize=(9.0, 5.0 + 0.4 * rows), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, height_ratios=(4.2, 0.8 + 0.4 * rows))
    _draw_points(upper, planned)
    _draw_paths(lower, planned)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": "pam-edge"})
    return picture.getvalue()


def _draw_points(axes: Any, planned: Planned) -> None:
    by_error = planned.front[-1].expected_error is not None
    unit, word = planned.costs.unit, planned.costs.provenance

    def height(plan: Plan) -> float:
        return plan.expected_error if by_error and plan.expected_error is not None else plan.gmacs

    axes.plot(
        [plan.predicted_cost for plan in planned.front],
        [height(plan) for plan in planned.front],
        "o-", drawstyle="steps-post", color=_FRONT, markersize=3, linewidth=1, label="best paths (dotted: budgets)",
    )  # fmt: skip
    for plan, colour in zip(planned.plans, _colours(planned.plans), strict=True):
        low, high = plan.interval
        spread = [[plan.predicted_cost - low], [high - plan.predicted_cost]]
        label = f"{plan.budget}: {plan.predicted_cost:.4g} {unit}"
        axes.errorbar(
            [plan.predicted_cost], [height(plan)], xerr=spread if high > low else None,
            fmt="D", color=colour, markersize=8, capsize=3, label=label,
        )  # fmt: skip
        if plan.limit_unit is plan.unit:
            axes.axvline(plan.limit, color=colour, linewidth=0.8, linestyle=":")
    axes.set_xlabel(f"predicted cost, {unit} ({word.upper()})")
    axes.set_ylabel("expected error" if by_error else "GMACs of the path")
    axes.set_title(f"{planned.title}\n{planned.basis}", loc="left", fontsize=9)
    axes.grid(alpha=0.25)
    axes.legend(loc="upper right" if by_error else "lower right", fontsize=8)


def _draw_paths(axes: Any, planned: Planned) -> None:
    count = len(planned.conditions.config.block_names)
    for row, (plan, colour) in enumerate(zip(planned.plans, _colours(planned.plans), strict=True)):
        fills = [colour if run else _SKIPPED for run in plan.path.runs]
        axes.barh([row] * count, [0.92] * count, left=range(count), height=0.7, color=fills)
    axes.set_yticks(range(len(planned.plans)), [str(plan.budget) for plan in planned.plans], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, count)
    turn = 0 if count < 14 else 60
    axes.set_xticks(
        [index + 0.46 for index in range(count)], planned.conditions.config.block_names, fontsize=7, rotation=turn
    )
    axes.set_xlabel("block: coloured ones run, grey ones are bypassed", fontsize=8)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _colours(plans: tuple[Plan, ...]) -> list[str]:
    return [COLOURS[index % len(COLOURS)] for index in range(len(plans))]
