"""Where matting data lies: nowhere, unless someone says so."""

from __future__ import annotations

import os
from pathlib import Path

from pam_edge.errors import UsageError

DATA_VARIABLE = "PAM_EDGE_DATA"
"""Environment variable that names the folder of matting data."""


def data_folder(given: Path | None = None) -> Path | None:
    """Return the folder that was given, else the one that ``PAM_EDGE_DATA`` names, else None.

    A folder holds what a command needs of it: ``cutouts/**`` and ``backgrounds/**`` to train on, ``val/*/image`` with
    ``val/*/alpha`` to judge parity on.

    Raises:
        UsageError: if there is no such folder.
    """
    named = os.environ.get(DATA_VARIABLE)
    folder = given or (Path(named) if named else None)
    if folder is not None and not folder.is_dir():
        by = "" if given else f" ({DATA_VARIABLE})"
        raise UsageError(f"Expected a folder of matting data at {folder}{by}; there is none. Check the path.")
    return folder


def need_data_folder(given: Path | None) -> Path:
    """Return the same for what cannot do without.

    Raises:
        UsageError: also if none was said.
    """
    folder = data_folder(given)
    if folder is None:
        raise UsageError(
            f"Expected a folder of matting data (cutouts and backgrounds); none was named. Set {DATA_VARIABLE}, or "
            "data.root in the recipe; train and prior also take --data."
        )
    return folder
