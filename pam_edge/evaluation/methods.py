"""What can be scored: the supernet along a path, and baselines that need no training."""

from __future__ import annotations

import io
import logging
import zlib
from contextlib import redirect_stdout
from functools import cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pam_edge.errors import MissingExtraError, UsageError
from pam_edge.evaluation.budget_table import calibrated_budget_table
from pam_edge.evaluation.datasets import UnusableCase
from pam_edge.evaluation.evaluate import Matte, Method
from pam_edge.graphs.governed import run_governed
from pam_edge.graphs.governor import BudgetTable, GovernorCosts, budget_input
from pam_edge.planning.budget import DEFAULT_BUDGETS, parse_budget
from pam_edge.planning.conditions import Conditions
from pam_edge.planning.cost import CostTable, mac_cost_table
from pam_edge.planning.service import DEFAULT_SIZE, plan
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.config import STRIDES, SupernetConfig
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec

_log = logging.getLogger(__name__)

RANDOM_PATHS = 16
"""Paths of a budget's static cost among which one is drawn per picture."""
_PATHS_LISTED = 4096


def along_path(supernet: Supernet, path: PathSpec) -> Method:
    """Return a method that runs the supernet along a fixed path at the picture's own size."""
    cost = _share(supernet.config, path)

    def run(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> Matte:
        height, width = trimap.shape
        with torch.inference_mode():
            alpha = supernet(*to_padded_tensors(image, trimap), path=path).alpha
        return Matte(alpha[0, 0, :height, :width].numpy(), cost, _blocks(path))

    return run


def by_gates(supernet: Supernet, costs: GovernorCosts, table: BudgetTable, budget: float) -> Method:
    """Return a method in which the gates choose the path of each picture, and the governor keeps the budget."""

    def run(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> Matte:
        height, width = trimap.shape
        found = run_governed(supernet, costs, table, *to_padded_tensors(image, trimap), budget)
        unaided = all(free or margin <= 0 for free, margin in zip(found.decided_by_gate, found.margins, strict=True))
        alpha = found.alpha[0, 0, :height, :width].numpy()
        return Matte(alpha, found.cost / costs.full, _blocks(found.path), unaided)

    return run


def by_chance(supernet: Supernet, like: PathSpec) -> Method:
    """Return a method that draws one of the paths nearest in cost to another path, by the picture's own pixels."""
    count = supernet.config.block_count
    draw = np.random.default_rng(0)
    bits = draw.integers(0, 2, (_PATHS_LISTED, count)) if 2**count > _PATHS_LISTED else None
    listed = PathSpec.all(count) if bits is None else (PathSpec(tuple(map(bool, row))) for row in bits.tolist())
    wanted = _share(supernet.config, like)
    others = {path for path in listed if path != like}
    ranked = sorted(others, key=lambda path: (abs(_share(supernet.config, path) - wanted), str(path)))
    methods = [along_path(supernet, path) for path in ranked[: min(RANDOM_PATHS, len(ranked) // 4)]]

    def run(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> Matte:
        return methods[zlib.crc32(trimap.tobytes()) % len(methods)](image, trimap)

    return run


def _blocks(path: PathSpec) -> float:
    return sum(path.runs) / len(path)


def _share(config: SupernetConfig, path: PathSpec) -> float:
    costs = _mac_costs(config)
    return costs.cost(path) / costs.cost(PathSpec.full(config.block_count))


@cache
def _mac_costs(config: SupernetConfig) -> CostTable:
    return mac_cost_table(config, *DEFAULT_SIZE)


def to_padded_tensors(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return image and trimap as float32[1, C, H, W], mirrored at the right and bottom to multiples of 32."""
    bottom, right = (-size % STRIDES[-1] for size in trimap.shape)
    border = cv2.BORDER_REFLECT_101
    image = cv2.copyMakeBorder(image, 0, bottom, 0, right, border)
    trimap = cv2.copyMakeBorder(trimap, 0, bottom, 0, right, border)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    return pixels.contiguous(memory_format=torch.channels_last), torch.from_numpy(trimap)[None, None].float()


def methods_for(
    reference: str, budgets: tuple[str, ...], baselines: tuple[str, ...], *, compare_paths: bool = False
) -> dict[str, Method]:
    """Return what to score, by the name to print.

    Args:
        reference: checkpoint, by variant name or file.
        budgets: as users write them; empty means the named three.
        baselines: keys of ``BASELINES``.
        compare_paths: add per budget what the gates choose, and what chance does at the static path's cost.

    Raises:
        UsageError: if a baseline is unknown.
        MissingExtraError: if one needs a package that is not installed.
    """
    checkpoint = load_checkpoint(reference)
    supernet = checkpoint.supernet.eval()
    methods: dict[str, Method] = {}
    wanted = tuple(map(parse_budget, budgets)) or DEFAULT_BUDGETS
    planned = plan(checkpoint, wanted, Conditions(checkpoint.config, *DEFAULT_SIZE))
    costs = GovernorCosts.of(planned.costs)
    table = calibrated_budget_table(checkpoint, costs) if compare_paths else None
    for each in planned.plans:
        path, name = each.path, f"{checkpoint.title} {each.budget.label}"
        methods[f"{name} {path}"] = along_path(supernet, path)
        if table:
            methods[f"{name} by gates"] = by_gates(supernet, costs, table, budget_input(each.budget, costs, path))
            methods[f"{name} by chance"] = by_chance(supernet, path)
    for name in baselines:
        if name not in BASELINES:
            raise UsageError(f"Expected a baseline among {', '.join(BASELINES)}; got {name!r}.")
        methods[name] = BASELINES[name]
    return methods


def bilinear_fill(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> Matte:
    """Fill the unknown region smoothly from the known alphas around it; the picture is not looked at."""
    known = ((trimap < 64) | (trimap >= 192)).astype(np.float32)
    filled = _fill((trimap >= 192).astype(np.float32), known)
    return Matte(np.where(known > 0, (trimap >= 192).astype(np.float32), np.clip(filled, 0, 1)).astype(np.float32))


def _fill(weighted: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pull-push: average the known alphas at ever coarser sizes, and fill the holes bilinearly from there."""
    height, width = known.shape
    here = weighted / np.maximum(known, 1e-6)
    if known.min() > 0 or max(height, width) <= 1:
        return np.asarray(here, np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    coarse = _fill(*(cv2.resize(part, half, interpolation=cv2.INTER_AREA) for part in (weighted, known)))
    behind = cv2.resize(coarse.reshape(half[1], half[0]), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(here * known + behind * (1 - known), np.float32)


def closed_form(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> Matte:
    """Closed-form matting (Levin et al. 2008), by pymatting."""
    return _classical("estimate_alpha_cf", image, trimap)


def knn(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> Matte:
    """KNN matting (Chen et al. 2013), by pymatting."""
    return _classical("estimate_alpha_knn", image, trimap)


def _classical(function: str, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> Matte:
    try:
        import pymatting
    except ImportError as error:
        raise MissingExtraError("Classical baselines need pymatting: pip install 'pam-edge[dev]'.") from error
    if not ((trimap < 64).any() and (trimap >= 192).any()):
        raise UnusableCase("the trimap lacks foreground or background, and classical methods need both")
    levels = np.select([trimap < 64, trimap < 192], [0.0, 0.5], 1.0)
    with redirect_stdout(io.StringIO()) as printed:  # its warnings; standard output may be one JSON object
        alpha = np.asarray(getattr(pymatting, function)(image / 255.0, levels), np.float32)
    if printed.getvalue():
        _log.warning("%s: %s", function, printed.getvalue().strip())
    return Matte(alpha)


BASELINES: dict[str, Method] = {"bilinear": bilinear_fill, "closed-form": closed_form, "knn": knn}
