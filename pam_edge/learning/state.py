"""Training state on disk: everything that a run needs to go on as if it had never stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pam_edge.errors import CheckpointError

FORMAT = "pam-edge training state 2"


@dataclass(slots=True)
class Position:
    """Where a run is.

    Attributes:
        stage: index of the stage.
        step: optimizer steps done in that stage.
        crops: crops seen in all stages, which is also the number of the next crop.
        elapsed_minutes: time spent in that stage, over all its sessions.
    """

    stage: int = 0
    step: int = 0
    crops: int = 0
    elapsed_minutes: float = 0.0


def save_state(path: Path, content: dict[str, Any]) -> None:
    """Write a training state, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    torch.save({"format": FORMAT, **content}, temporary)
    temporary.replace(path)


def load_state(path: Path) -> dict[str, Any]:
    """Read a training state; code hidden in a pickle is refused (``weights_only``).

    Raises:
        CheckpointError: if the file is damaged or something else.
    """
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises many kinds; all mean that the file is of no use
        raise CheckpointError(
            f"{path} is not a readable training state: {error}. Start anew, or copy it again."
        ) from error
    if content.get("format") != FORMAT:
        raise CheckpointError(f"{path}: expected the format {FORMAT!r}, found {content.get('format')!r}.")
    return content
