"""Score methods on test cases: per-image CSV, summary, and the worst cases as pictures."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from pam_edge.errors import UsageError
from pam_edge.evaluation.datasets import Case, Sample, UnusableCase
from pam_edge.evaluation.metrics import Scores, score


@dataclass(frozen=True, slots=True)
class Matte:
    """What a method makes of a picture.

    Attributes:
        alpha: float32[H, W], 0..1.
        cost: share of the full path's MACs; None where a method has no paths.
        blocks: share of the blocks that ran; None where a method has no paths.
        within_budget: whether the gates alone kept the budget; None where no gates decide.
    """

    alpha: NDArray[np.float32]
    cost: float | None = None
    blocks: float | None = None
    within_budget: bool | None = None


Method = Callable[[NDArray[np.uint8], NDArray[np.uint8]], Matte]
"""Matte of image uint8[H, W, 3] (RGB) and trimap uint8[H, W]. May raise UnusableCase."""

MEASURES = tuple(field.name for field in fields(Scores))
_SHARES = ("cost", "blocks", "within_budget")
WORST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Row:
    """Scores of one method on one case."""

    method: str
    case: str
    scores: Scores
    cost: float | None = None
    blocks: float | None = None
    within_budget: bool | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All scores, and what could not be scored.

    Attributes:
        rows: by the case's name, each case's in the order of the methods.
        problems: name and reason of each case that was left out, sorted.
    """

    rows: tuple[Row, ...]
    problems: tuple[str, ...]

    def summary(self) -> dict[str, dict[str, float]]:
        """Return by method the mean of each measure over the cases, and their number.

        Methods with paths also have ``cost``, the mean share of the full path's MACs, and ``blocks``, that of blocks
        run; those whose gates decide ``within_budget``, the share of cases in which they kept the budget unaided.
        """
        table: dict[str, dict[str, float]] = {}
        for method in dict.fromkeys(row.method for row in self.rows):
            rows = [row for row in self.rows if row.method == method]
            values = np.array([astuple(row.scores) for row in rows])
            table[method] = dict(zip(MEASURES, values.mean(0).tolist(), strict=True)) | {"images": len(values)}
            for name in _SHARES:
                known = [getattr(row, name) for row in rows if getattr(row, name) is not None]
                table[method] |= {name: float(np.mean(known))} if known else {}
        return table

    def by_group(self) -> dict[str, Evaluation]:
        """Return the scores of each group of cases by themselves, so that a mean hides nothing; none without groups."""
        names = sorted({row.group for row in self.rows} - {""})
        return {name: Evaluation(tuple(row for row in self.rows if row.group == name), ()) for name in names}

    def worst(self, method: str, count: int = WORST_SHOWN) -> list[str]:
        """Return the names of a method's cases of highest MSE: the mean does not favour large pictures."""
        mine = sorted((row for row in self.rows if row.method == method), key=lambda row: -row.scores.mse)
        return [row.case for row in mine[:count]]


def evaluate_cases(cases: Sequence[Case], methods: Mapping[str, Method], shard: tuple[int, int] = (0, 1)) -> Evaluation:
    """Score every method on every case; a bad case is named and left out.

    Args:
        cases: what to score on.
        methods: what to score, by name.
        shard: rank and number of processes; this one takes every ``number``-th case. ``merge`` joins the parts.

    Raises:
        UsageError: if a single process finds no case that can be scored.
    """
    rows: list[Row] = []
    problems: list[str] = []
    rank, world = shard
    for case in cases[rank::world]:
        try:
            sample = case.load()
            # All methods or none: means over different cases could not be compared.
            rows.extend([_row(name, case, method, sample) for name, method in methods.items()])
        except UnusableCase as error:
            problems.append(f"{case.name}: {error}")
    part = Evaluation(tuple(rows), tuple(problems))
    return merge([part]) if world == 1 else part


def _row(name: str, case: Case, method: Method, sample: Sample) -> Row:
    matte = method(sample.image, sample.trimap)
    scores = score(matte.alpha, sample.alpha, sample.trimap == 128)
    return Row(name, case.name, scores, matte.cost, matte.blocks, matte.within_budget, case.group)


def merge(parts: Sequence[Evaluation]) -> Evaluation:
    """Join the evaluations of several processes; the result does not depend on how many there were.

    Raises:
        UsageError: if none of them found a case that can be scored.
    """
    problems = sorted(problem for part in parts for problem in part.problems)
    # By the case alone: the sort is stable, and each case's methods already stand in their order.
    rows = sorted((row for part in parts for row in part.rows), key=lambda row: row.case)
    if not rows:
        reasons = "; ".join(problem.rstrip(".") for problem in problems[:5]) or "there are none"
        raise UsageError(f"None of {len(problems)} cases could be scored: {reasons}.")
    return Evaluation(tuple(rows), tuple(problems))


def summary_table(evaluation: Evaluation) -> Table:
    """Return the means as a table for a terminal."""
    table = Table(title="Means over the unknown region: SAD, Grad, Conn in thousands, MSE in thousandths")
    for heading in ("method", "images", "SAD", "MSE", "Grad", "Conn", "MACs", "blocks", "kept"):
        table.add_column(heading, justify="left" if heading == "method" else "right")
    for method, means in evaluation.summary().items():
        shares = (f"{means[name]:.1%}" if name in means else "" for name in _SHARES)
        table.add_row(method, f"{means['images']:.0f}", *(f"{means[name]:.2f}" for name in MEASURES), *shares)
    table.caption = (
        "MACs, blocks: mean shares of the full path's; kept: pictures on which gates kept the budget unaided"
    )
    return table


def group_table(evaluation: Evaluation) -> Table | None:
    """Return the mean SAD of each group for a terminal, and the number of its cases; None without groups."""
    groups = evaluation.by_group()
    if not groups:
        return None
    table = Table(title="SAD by kind of subject, in thousands")
    table.add_column("method")
    summaries = {name: found.summary() for name, found in groups.items()}
    for name, found in summaries.items():
        table.add_column(f"{name} ({next(iter(found.values()))['images']:.0f})", justify="right")
    for method in evaluation.summary():
        table.add_row(method, *(f"{found[method]['sad']:.2f}" for found in summaries.values()))
    return table


def write_report(evaluation: Evaluation, cases: Sequence[Case], methods: Mapping[str, Method], folder: Path) -> None:
    """Write ``scores.csv``, ``summary.csv`` and ``worst.png``, the first method's worst cases by all methods."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        [
            row.method,
            row.case,
            row.group,
            *(f"{value:.4f}" for value in astuple(row.scores)),
            *(getattr(row, n) for n in _SHARES),
        ]
        for row in evaluation.rows
    ]
    _write_csv(folder / "scores.csv", ["method", "case", "group", *MEASURES, *_SHARES], rows)
    summary = evaluation.summary()
    means = [
        [name, values["images"], *(f"{values[m]:.4f}" for m in MEASURES), *(values.get(n) for n in _SHARES)]
        for name, values in summary.items()
    ]
    _write_csv(folder / "summary.csv", ["method", "images", *MEASURES, *_SHARES], means)
    names = evaluation.worst(next(iter(methods)))
    sheet = comparison_sheet([case for case in cases if case.name in names], methods)
    cv2.imwrite(str(folder / "worst.png"), sheet[..., ::-1])


def _write_csv(path: Path, heading: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([heading, *rows])


def comparison_sheet(cases: Sequence[Case], methods: Mapping[str, Method], height: int = 240) -> NDArray[np.uint8]:
    """Return uint8[H, W, 3]: a row per case of image, trimap, true alpha and each method's alpha."""
    rows = []
    for case in cases:
        sample = case.load()
        alphas = [sample.alpha, *(method(sample.image, sample.trimap).alpha for method in methods.values())]
        greys = [sample.trimap, *((alpha * 255).astype(np.uint8) for alpha in alphas)]
        panels = [sample.image, *(np.repeat(grey[..., None], 3, 2) for grey in greys)]
        width = round(height * sample.alpha.shape[1] / sample.alpha.shape[0])
        rows.append(np.hstack([cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA) for p in panels]))
    widest = max(row.shape[1] for row in rows)
    return np.vstack([np.pad(row, ((0, 4), (0, widest - row.shape[1]), (0, 0))) for row in rows])
