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


WITHOUT_CHOOSING = "convert with --mode multi, which needs no control flow"
WITHOUT_A_PROBE = "import operator profiles of static graphs (`pam-edge profile operators`)"


@contextmanager
def control_flow(otherwise: str = WITHOUT_CHOOSING) -> Iterator[None]:
    """Say what to do where a runtime does not load a graph that chooses: older ones know no conditionals.

    Args:
        otherwise: what needs no control flow.

    Raises:
        ArtifactError: the one raised inside, with the way out.
    """
    try:
        yield
    except ArtifactError as error:
        raise ArtifactError(
            f"{error} If the file is whole: it chooses its path inside, which a runtime older than the one it was made "
            f"for may not take. Update the runtime, or {otherwise}."
        ) from error
