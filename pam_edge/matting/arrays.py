"""What arrays of pixels must be, wherever they come from."""

from __future__ import annotations

import numpy as np

from pam_edge.errors import UsageError


def check_uint8(name: str, array: object) -> None:
    """Refuse what is no array of bytes: values of another type would mean something else.

    Raises:
        UsageError: naming the type.
    """
    found = array.dtype if isinstance(array, np.ndarray) else f"of type {type(array).__name__}"
    if found != np.uint8:
        raise UsageError(
            f"Expected uint8, 0 to 255; the {name} is {found}. Give a NumPy array of bytes: graphs normalise by "
            "themselves."
        )
