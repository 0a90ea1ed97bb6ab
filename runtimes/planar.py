"""Pictures as runtimes in NCHW take and give them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pam_edge.runtimes.base import LastFrame, TensorNames
from pam_edge.runtimes.guards import check_bytes, last_inputs


def planar_inputs(
    names: TensorNames,
    size: tuple[int, int],
    source_size: tuple[int, ...],
    blocks: int,
    image: NDArray[np.uint8],
    source: NDArray[np.uint8],
    control: NDArray[np.float32] | None,
    last: LastFrame | None,
) -> dict[str, NDArray[np.float32]]:
    """Return what an entry point takes, in its order: float32[1, C, H, W] in 0..255, and vectors as they are.

    Args:
        names: of the entry point.
        size: height and width of its image.
        source_size: height and width of its trimap or mask.
        blocks: of the last frame's path; 0 of an entry point that takes none.
        image: as of ``LoadedModel.__call__``.
        source: likewise.
        control: likewise.
        last: likewise.

    Raises:
        UsageError: if they are not of the file's size, or the last frame does not fit.
    """
    check_bytes("image", image, (*size, 3))
    check_bytes(names.source, source, source_size)
    by_name: dict[str, NDArray[Any]] = {"image": image.transpose(2, 0, 1)[None], names.source: source[None, None]}
    if names.control is not None and control is not None:
        by_name[names.control] = control
    for name, value in last_inputs(names, last, *size, blocks).items():
        by_name[name] = value[None, None] if value.ndim == len(("height", "width")) else value
    return {name: np.ascontiguousarray(by_name[name], np.float32) for name in names.inputs}


def plain_outputs(found: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Return what an entry point gives with ``alpha`` as float32[H, W] and ``foreground`` as float32[H, W, 3]."""
    plain = dict(found)
    plain["alpha"] = plain["alpha"][0, 0]
    if "foreground" in plain:
        plain["foreground"] = plain["foreground"][0].transpose(1, 2, 0)
    return plain
