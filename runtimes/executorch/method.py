"""Load one method of a .pte file with ExecuTorch's Python bindings."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from executorch.extension.pybindings import portable_lib
from executorch.runtime import Runtime, Verification
from numpy.typing import NDArray
from torch import Tensor

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.guards import check_flatbuffer, check_picture, reading

KIND = "an ExecuTorch program (.pte)"
_DYNAMIC_OUTPUTS = 3
"""Alpha, path and cost; a probe has two outputs."""


def check_program(file: Path) -> None:
    """Check that a file begins as ExecuTorch's programs do: its loader ends the process over some that do not.

    Raises:
        ArtifactError: if it does not.
    """
    check_flatbuffer(file, KIND, b"ET")


class Method:
    """One method of a .pte file.

    Attributes:
        height: of image and trimap.
        width: of image and trimap.
        ran_on: what executes it.
    """

    def __init__(self, file: Path, name: str, *, threads: int) -> None:
        """Load. The thread pool is the process's: the last load decides its size.

        Raises:
            ArtifactError: if the file cannot be read or has no such method.
        """
        check_program(file)
        portable_lib._unsafe_reset_threadpool(threads)
        self._file = file
        with reading(file, KIND):
            # The program must live as long as its methods: the bindings do not keep it.
            self._program = Runtime.get().load_program(file, verification=Verification.InternalConsistency)
            if name not in self._program.method_names:
                names = ", ".join(sorted(self._program.method_names))
                raise ArtifactError(f"{file} has the methods {names}; expected {name!r}.")
            self._method = self._program.load_method(name)
            _, _, self.height, self.width = self._method.metadata.input_tensor_meta(0).sizes()
        self.ran_on = f"ExecuTorch {version('executorch')}, XNNPACK on this CPU"

    @property
    def input_names(self) -> tuple[str, ...]:
        """The contract's names of the inputs in their order: the file holds none."""
        metadata = self._method.metadata
        third = "budget" if metadata.num_outputs() == _DYNAMIC_OUTPUTS else "path"
        return ("image", "trimap", third)[: metadata.num_inputs()]

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8], *others: Tensor) -> list[Tensor]:
        """Return the method's outputs, which the next call overwrites.

        Args:
            image: uint8[H, W, 3], RGB.
            trimap: uint8[H, W].
            others: what else the method takes.
        """
        check_picture(image, trimap, self.height, self.width)
        planar, region = (np.ascontiguousarray(array) for array in (image.transpose(2, 0, 1), trimap))
        inputs = torch.from_numpy(planar)[None].float(), torch.from_numpy(region)[None, None].float()
        with reading(self._file, KIND):
            return list(self._method.execute([*inputs, *others]))
