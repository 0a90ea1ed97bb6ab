"""What every runtime checks in the same words: the kind of pictures, and whether it knows control flow at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError, UsageError


def check_picture(image: NDArray[np.uint8], trimap: NDArray[np.uint8], height: int, width: int) -> None:
    """Check that a picture is of bytes, and of the size that a file takes.

    Raises:
        UsageError: if it is not: graphs have one fixed size, and normalise values of 0 to 255 themselves.
    """
    for name, array in (("image", image), ("trimap", trimap)):
        if array.dtype != np.uint8:
            raise UsageError(f"Expected uint8, 0 to 255; the {name} is {array.dtype}. Graphs normalise by themselves.")
    if image.shape != (height, width, 3) or trimap.shape != (height, width):
        found = " and ".join("x".join(map(str, array.shape)) for array in (image, trimap))
        raise UsageError(
            f"Expected an image of {height}x{width}x3 and a trimap of {height}x{width}, the size that the file was "
            f"made for; got {found}. Fit the picture, or cut it into tiles as `pam-edge matte` does."
        )


@contextmanager
def control_flow() -> Iterator[None]:
    """Say what to do where a runtime does not load a graph that chooses: older ones know no conditionals.

    Raises:
        ArtifactError: the one raised inside, with the way out.
    """
    try:
        yield
    except ArtifactError as error:
        raise ArtifactError(
            f"{error} The file chooses its path inside; a runtime that is older than the one it was made for may not "
            "take that. Update the runtime, or convert with --mode multi, which needs no control flow."
        ) from error
