"""How much choosing a path per picture can gain: the best of many paths within a budget, against the best single one.

python recipes/oracle.py --checkpoint pam-tiny pam-small

The best of many paths on a picture is partly luck. So the path is also chosen on the same picture with another trimap,
and scored where it was not chosen: what a gate could learn lies between the two.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pam_edge.evaluation.datasets import Sample
from pam_edge.evaluation.methods import along_path
from pam_edge.evaluation.metrics import sad
from pam_edge.learning.config import load_recipe
from pam_edge.learning.heldout import hair_cases
from pam_edge.planning.cost import mac_cost_table
from pam_edge.supernet.checkpoint import Checkpoint, load_checkpoint
from pam_edge.supernet.path import PathSpec

SHARES = {"mild": 1.0, "moderate": 0.933, "aggressive": 0.775}
"""Budgets as shares of the full path's MACs."""
COST_SIZE = 512


@dataclass(frozen=True, slots=True)
class Gap:
    """What choosing gains under one budget; errors are mean SADs.

    Attributes:
        single: of the best single path.
        oracle: of the best path of each picture.
        transferred: of the path that is best on each picture with the other trimap.
    """

    single: float
    oracle: float
    transferred: float


def find_gap(errors: NDArray[np.float64], others: NDArray[np.float64]) -> Gap:
    """Compare ways to choose among paths.

    Args:
        errors: float64[pictures, paths].
        others: the same, with another trimap of each picture.
    """
    rows = np.arange(len(errors))
    chosen = errors[rows, others.argmin(1)]
    return Gap(float(errors.mean(0).min()), float(errors.min(1).mean()), float(chosen.mean()))


def paths_within(checkpoint: Checkpoint, share: float, count: int) -> list[PathSpec]:
    """Return the paths of least error in the checkpoint's table whose cost is within a share of the full path's."""
    costs = mac_cost_table(checkpoint.config, COST_SIZE, COST_SIZE)
    limit = share * costs.cost(PathSpec.full(checkpoint.config.block_count)) * (1 + 1e-9)
    listed = {PathSpec.parse(text): error for text, error in checkpoint.training.path_errors.items()}
    within = [path for path in listed if costs.cost(path) <= limit]
    return sorted(within, key=lambda path: (listed[path], str(path)))[:count]


def measure(checkpoint: Checkpoint, paths: Sequence[PathSpec], samples: Sequence[Sample]) -> NDArray[np.float64]:
    """Return float64[pictures, paths], SAD in thousands."""
    methods = [along_path(checkpoint.supernet.eval(), path) for path in paths]
    rows = []
    for sample in samples:
        alphas = [method(sample.image, sample.trimap).alpha for method in methods]
        rows.append([sad(alpha, sample.alpha, sample.trimap == 128) for alpha in alphas])
    return np.array(rows)


def main() -> None:
    """Print one row for each checkpoint and budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", nargs="+", default=["pam-tiny", "pam-small"])
    parser.add_argument("--paths", type=int, default=16, help="for each budget")
    parser.add_argument("--side", type=int, default=256, help="of the pictures, in pixels")
    given = parser.parse_args()
    data = load_recipe(Path(__file__).with_name("validation.toml")).data
    cases = hair_cases(data, given.side)
    middle, wide = ([case.load() for case in cases[first::3]] for first in (1, 2))
    print(
        "| weights | budget | paths | best single | best of each picture | gain | chosen with another trimap | gain |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name in given.checkpoint:
        checkpoint = load_checkpoint(name)
        sets = {label: paths_within(checkpoint, share, given.paths) for label, share in SHARES.items()}
        paths = sorted({path for chosen in sets.values() for path in chosen})
        errors, others = (measure(checkpoint, paths, samples) for samples in (middle, wide))
        for label, chosen in sets.items():
            columns = [paths.index(path) for path in chosen]
            print(row(name, label, len(chosen), find_gap(errors[:, columns], others[:, columns])), flush=True)


def row(name: str, label: str, count: int, gap: Gap) -> str:
    """Return a line of the table."""
    gains = [f"{1 - error / gap.single:.1%}" for error in (gap.oracle, gap.transferred)]
    values = [f"{gap.single:.3f}", f"{gap.oracle:.3f}", gains[0], f"{gap.transferred:.3f}", gains[1]]
    return f"| {name} | {label} | {count} | {' | '.join(values)} |"


if __name__ == "__main__":
    main()
