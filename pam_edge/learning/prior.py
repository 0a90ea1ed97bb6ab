"""The prior of optimal paths by Monte Carlo (METHOD, eq. 5 to 7), and the error table that comes with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from pam_edge.errors import CheckpointError
from pam_edge.files import read_text, write_whole
from pam_edge.learning.costs import BudgetScale
from pam_edge.supernet.path import PathSpec

WINDOW = 0.15
"""Paths "just under" a budget cost at least the budget less this share of the range from shortest to full."""

Errors = NDArray[np.float64]


class Prior(BaseModel):
    """How often each path is the best one under each budget.

    Attributes:
        rows: per row of the cost constraint embedding, probabilities by path in text form.
        path_errors: mean absolute error of alpha over the unknown region, mean over calibration images, by path.
        images: number of calibration images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: tuple[dict[str, float], ...]
    path_errors: dict[str, float]
    images: int

    def save(self, path: Path) -> None:
        """Write as JSON, with its folder, whole or not at all."""
        write_whole(path, self.model_dump_json(indent=1).encode())

    @classmethod
    def load(cls, path: Path) -> Prior:
        """Read from JSON.

        Raises:
            CheckpointError: if the file is missing or something else.
        """
        text = read_text(path, "a prior of optimal paths (JSON)", CheckpointError)
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise CheckpointError(
                f"{path} is no prior of optimal paths: {error}. Make it with pam-edge prior."
            ) from error

    def draw(self, row: int, count: int, generator: torch.Generator) -> list[PathSpec]:
        """Draw distinct candidates for a budget; fewer than asked when fewer were ever best."""
        names, weights = list(self.rows[row]), torch.tensor(list(self.rows[row].values()))
        picks = torch.multinomial(weights, min(count, len(names)), generator=generator)
        return [PathSpec.parse(names[pick]) for pick in picks.tolist()]


def sample_paths(scale: BudgetScale, per_row: int, seed: int) -> list[PathSpec]:
    """Sample paths just under each budget: random orders of blocks, each block run if it still fits.

    The shortest and the full path are always among them. The list is sorted and without repetition.
    """
    rng = np.random.default_rng(seed)
    count = len(scale.run)
    found = {PathSpec.full(count), PathSpec.shortest(count)}
    for row in range(scale.rows):
        found.update(_fill_budget(scale, scale.limit(row), rng.permutation(count)) for _ in range(per_row))
    return sorted(found)


def _fill_budget(scale: BudgetScale, limit: float, order: NDArray[np.int64]) -> PathSpec:
    runs, cost = [False] * len(order), scale.shortest
    for block in order.tolist():
        more = scale.run[block] - scale.bypass[block]
        if cost + more <= limit:
            runs[block], cost = True, cost + more
    return PathSpec(tuple(runs))


def shortlist(errors: Errors, paths: Sequence[PathSpec], scale: BudgetScale, per_row: int) -> list[PathSpec]:
    """Return the paths of least mean error just under each budget, and the shortest and the full path.

    Args:
        errors: float64[images, paths], on a few images.
        paths: the columns.
        scale: costs and budgets.
        per_row: how many to keep for each budget; a path may serve several.
    """
    means, costs = errors.mean(0), np.array([scale.cost(path) for path in paths])
    count = len(scale.run)
    found = {PathSpec.full(count), PathSpec.shortest(count)}
    for row in range(scale.rows):
        near = columns_under(costs, scale, row)
        found.update(paths[column] for column in near[np.argsort(means[near], kind="stable")[:per_row]])
    return sorted(found)


def columns_under(costs: Errors, scale: BudgetScale, row: int) -> NDArray[np.int64]:
    """Return the indices of the paths that cost just under a row's budget; of all within it, if none is near."""
    limit = scale.limit(row)
    near = np.flatnonzero((costs <= limit) & (costs >= limit - WINDOW * (scale.full - scale.shortest)))
    return near if len(near) else np.flatnonzero(costs <= limit)


def make_prior(errors: Errors, paths: Sequence[PathSpec], scale: BudgetScale) -> Prior:
    """Count for each budget how often each path just under it is the best one on an image.

    Args:
        errors: float64[images, paths].
        paths: the columns.
        scale: costs and budgets.
    """
    costs = np.array([scale.cost(path) for path in paths])
    rows = tuple(_row(errors, paths, costs, scale, row) for row in range(scale.rows))
    means = {str(path): float(mean) for path, mean in zip(paths, errors.mean(0), strict=True)}
    return Prior(rows=rows, path_errors=means, images=len(errors))


def _row(errors: Errors, paths: Sequence[PathSpec], costs: Errors, scale: BudgetScale, row: int) -> dict[str, float]:
    columns = columns_under(costs, scale, row)
    best = columns[np.argmin(errors[:, columns], axis=1)]
    picks, counts = np.unique(best, return_counts=True)
    return {str(paths[pick]): float(count / len(errors)) for pick, count in zip(picks, counts, strict=True)}


def uniform_prior(prior: Prior, scale: BudgetScale) -> Prior:
    """Return an ablation: all listed paths just under a budget are equally likely."""
    paths = [PathSpec.parse(text) for text in prior.path_errors]
    costs = np.array([scale.cost(path) for path in paths])
    rows = []
    for row in range(scale.rows):
        columns = columns_under(costs, scale, row)
        rows.append({str(paths[column]): 1.0 / len(columns) for column in columns})
    return prior.model_copy(update={"rows": tuple(rows)})
