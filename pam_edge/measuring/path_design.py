"""Which paths to measure, and in which order.

Paths come in pairs of a path and its complement. Every block then runs in exactly half of them, the middle of all
paths is uncorrelated with the blocks, and an interaction of two blocks cannot pass for the cost of one. Among random
pairs those are taken that tell the blocks apart best (largest determinant of the information matrix).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ProfileError
from pam_edge.supernet.path import PathSpec

CANDIDATES = 64
"""Random pairs looked at for each that is taken."""


def default_path_count(block_count: int) -> int:
    """Return how many paths to measure: four for each unknown and two, at least 24, as far as there are so many.

    Two fifths of them are held out by the fit: of the smallest variant that ships, twenty.
    """
    return min(max(24, 4 * (block_count + 1) + 2), int(2**block_count))


def design_paths(block_count: int, count: int, seed: int = 0) -> tuple[PathSpec, ...]:
    """Return ``count`` different paths in complementary pairs; the full and the shortest are the first.

    Raises:
        ProfileError: if the count is odd, too small to tell the blocks apart, or larger than the number of paths.
    """
    least = min(2 * block_count, 2**block_count)
    if count % 2 or not least <= count <= 2**block_count:
        raise ProfileError(
            f"Expected an even number of paths from {least} to {2**block_count} for {block_count} blocks; got {count}."
        )
    if 2 * count > 2**block_count:
        return _all_pairs(block_count, count, seed)
    generator = np.random.default_rng(seed)
    rows = [np.ones(block_count, np.int64)]
    taken = {_key(rows[0])}
    while 2 * len(rows) < count:
        rows.append(_best_row(rows, taken, generator))
        taken.add(_key(rows[-1]))
    return tuple(_path(sign * row) for row in rows for sign in (1, -1))


def schedule(paths: tuple[PathSpec, ...], rounds: int, seed: int = 0) -> tuple[tuple[PathSpec, ...], ...]:
    """Return each round's order: every path once, shuffled, so that a drifting device touches all paths alike."""
    generator = np.random.default_rng(seed)
    return tuple(tuple(paths[index] for index in generator.permutation(len(paths))) for _ in range(rounds))


def _all_pairs(block_count: int, count: int, seed: int) -> tuple[PathSpec, ...]:
    """Draw from the list of all pairs, of which there are few; the full path's comes first."""
    halves = [path for path in PathSpec.all(block_count) if path.runs[0]]
    order = [len(halves) - 1, *np.random.default_rng(seed).permutation(len(halves) - 1)]
    rows = [np.where(np.array(halves[index].runs), 1, -1) for index in order[: count // 2]]
    return tuple(_path(sign * row) for row in rows for sign in (1, -1))


def _best_row(rows: list[NDArray[np.int64]], taken: set[bytes], generator: np.random.Generator) -> NDArray[np.int64]:
    """Return the new row r with the largest r' A^-1 r, which is what it multiplies the determinant of A by."""
    size = len(rows[0])
    stacked = np.stack(rows).astype(np.float64)
    inverse = np.linalg.inv(stacked.T @ stacked + 0.01 * np.eye(size))
    candidates = generator.choice(np.array([-1, 1]), size=(CANDIDATES, size))
    gains = np.einsum("ij,jk,ik->i", candidates, inverse, candidates)
    for index in np.argsort(-gains, kind="stable"):
        if _key(candidates[index]) not in taken:
            row: NDArray[np.int64] = candidates[index]
            return row
    return _best_row(rows, taken, generator)


def _key(row: NDArray[np.int64]) -> bytes:
    """Return the same key for a row and its complement."""
    key: bytes = (row * row[0]).tobytes()
    return key


def _path(signs: NDArray[np.int64]) -> PathSpec:
    return PathSpec(tuple(bool(sign > 0) for sign in signs))
