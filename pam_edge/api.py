"""What ``import pam_edge`` offers, for engineers who convert, test and matte from Python.

Words (targets, modes, precisions) are those of the command line; sizes are pixels, square or height and width.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.convert import ConvertRequest, choose_interfaces
from pam_edge.delivery.convert import convert as convert_request
from pam_edge.delivery.open_model import open_model
from pam_edge.device_profiles import load_profile
from pam_edge.errors import UsageError
from pam_edge.files import as_path
from pam_edge.matting.cutout import cut_out
from pam_edge.matting.tiling import check_picture
from pam_edge.planning.budget import NAMED_BUDGETS, Budget, parse_budget
from pam_edge.planning.service import Planned, default_conditions
from pam_edge.planning.service import plan as plan_budgets
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.sizes import parse_size
from pam_edge.targets import Target
from pam_edge.terms import Mode, Precision, Result, Source, parse_choice

Size = int | tuple[int, int] | str
"""Pixels, a multiple of 32: of a square, or height and width; or both as text, ``384x512``."""

_NAMES = tuple(NAMED_BUDGETS)


def plan(
    checkpoint: str | Path = "pam-tiny",
    budgets: str | Sequence[str] = _NAMES,
    *,
    profile: str | Path | None = None,
    target: str | None = None,
    precision: str | None = None,
    size: Size | None = None,
) -> Planned:
    """Choose the path of each budget.

    Args:
        checkpoint: variant name or file.
        budgets: such as ``12ms``, ``60GMAC``, ``80%`` or a name; one, or a list.
        profile: of the device, by name or file; None counts MACs.
        target: None takes what suits the device.
        precision: None takes the target's own.
        size: None takes what was measured, else 512.

    Raises:
        PamEdgeError: if checkpoint or profile cannot be used, or a budget cannot be kept.
    """
    loaded, device = load_checkpoint(checkpoint), load_profile(profile) if profile else None
    conditions = default_conditions(
        loaded.config,
        device,
        parse_choice("target", target, Target) if target else None,
        parse_choice("precision", precision, Precision) if precision else None,
        parse_size(size) if size is not None else None,
    )
    return plan_budgets(loaded, _parse_budgets(budgets), conditions, device)


def convert(
    target: str,
    checkpoint: str | Path = "pam-tiny",
    budgets: str | Sequence[str] = _NAMES,
    *,
    profile: str | Path | None = None,
    mode: str = "static",
    precision: str | None = None,
    calibration: str | Path | None = None,
    size: Size | list[Size] = 512,
    inputs: str = "trimap",
    outputs: str = "alpha",
    band: int | None = None,
    mask_size: Size | None = None,
    out: str | Path = "build",
) -> Artifact:
    """Make a verified artifact; the folder appears whole or not at all.

    Args:
        target: ``coreml``, ``tflite`` or ``executorch``.
        checkpoint: variant name or file.
        budgets: an entry point each; one, or a list.
        profile: of the device, by name or file; None plans by MACs.
        mode: ``static``, ``multi`` or ``dynamic``.
        precision: ``fp32``, ``fp16``, ``int8``, ``w8`` or ``w6``, as far as the target comes in it; None takes its own.
        calibration: folder of photographs, each with a trimap or alpha, that int8's ranges are found on; None takes
            those that ship.
        size: of the image; a list of sizes in mode multi, which makes entry points for each.
        inputs: ``trimap``; ``mask``: the graph makes the unknown band around the mask's edge; ``mask+previous``: for
            video, it also takes what it gave for the last frame.
        outputs: ``alpha``, or ``cutout``: also the foreground's colours, without the background's.
        band: reach of a mask's band in pixels; None takes 2 % of the short side.
        mask_size: of a mask that is smaller than the image.
        out: receives the artifact's folder.

    Raises:
        ParityError: if the artifact does not compute what the supernet computes.
        PamEdgeError: if the request cannot be met.
    """
    asked = _parse_budgets(budgets)
    interfaces = choose_interfaces(
        list(map(parse_size, size if isinstance(size, list) else [size])),
        parse_choice("inputs", inputs, Source),
        parse_choice("outputs", outputs, Result),
        band,
        parse_size(mask_size) if mask_size is not None else None,
    )
    request = ConvertRequest(
        checkpoint=str(checkpoint),
        targets=(parse_choice("target", target, Target),),
        budgets=asked,
        profile=str(profile) if profile else None,
        mode=parse_choice("mode", mode, Mode),
        precision=parse_choice("precision", precision, Precision) if precision else None,
        interfaces=interfaces,
        io=None,
        out=as_path("out", out),
        calibration=as_path("calibration", calibration) if calibration is not None else None,
        command=f"pam_edge.convert({target!r}, {str(checkpoint)!r}, {[budget.text for budget in asked]!r})",
    )
    return convert_request(request)[0]


def open_artifact(directory: str | Path) -> Artifact:
    """Read an artifact folder; ``open`` of what this returns loads an entry point.

    Raises:
        ArtifactError: if the folder is missing, damaged, or names files elsewhere.
    """
    return Artifact.read(directory)


def matte(
    image: NDArray[np.uint8],
    trimap: NDArray[np.uint8],
    model: str | Path = "pam-tiny",
    budget: str | None = None,
    *,
    threads: int = 1,
) -> NDArray[np.uint8]:
    """Cut the subject out of a picture of any size.

    Args:
        image: uint8[H, W, 3], sRGB.
        trimap: uint8[H, W]; background below 64, foreground from 192, unknown between.
        model: artifact folder, variant name or checkpoint file.
        budget: one of the artifact's; any for a dynamic one or a checkpoint.
        threads: of the runtime.

    Returns:
        uint8[H, W, 4], RGBA, straight alpha, colours without the old background.

    Raises:
        UsageError: if image and trimap are not of bytes or do not fit each other, or the model has no such budget.
        PamEdgeError: if the model cannot be loaded.
    """
    check_picture(image, trimap)
    opened = open_model(
        str(as_path("model", model)), budget, threads=threads, picture=(trimap.shape[0], trimap.shape[1])
    )
    return cut_out(opened.matter, image, trimap)


def _parse_budgets(budgets: str | Sequence[str]) -> tuple[Budget, ...]:
    if not isinstance(budgets, Sequence):
        raise UsageError(f"budgets: expected texts such as ['12ms', '80%'], or one; got {budgets!r}. List them.")
    return tuple(map(parse_budget, [budgets] if isinstance(budgets, str) else budgets))
