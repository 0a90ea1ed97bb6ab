"""Load one method of a .pte file with ExecuTorch's Python bindings."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import OF_DYNAMIC, OF_PROBE, LastFrame, TensorNames
from pam_edge.runtimes.guards import check_flatbuffer, reading
from pam_edge.runtimes.planar import plain_outputs, planar_inputs
from pam_edge.terms import PREVIOUS_PATH
from pam_edge.toolchains import emptied

with emptied("executorch.exir"):
    from executorch.extension.pybindings import portable_lib
    from executorch.runtime import Runtime, Verification

KIND = "an ExecuTorch program (.pte)"


def check_program(file: Path) -> None:
    """Check that a file begins as ExecuTorch's programs do: its loader ends the process over some that do not.

    Raises:
        ArtifactError: if it does not.
    """
    check_flatbuffer(file, KIND, b"ET")


class Method:
    """One method of a .pte file; see ``LoadedModel``."""

    def __init__(self, file: Path, name: str, names: TensorNames, *, threads: int) -> None:
        """Load. The thread pool is the process's: the last load decides its size.

        Raises:
            ArtifactError: if the file cannot be read, has no such method, or one that takes or gives other tensors.
        """
        self._file, self._names = file, names
        portable_lib._unsafe_reset_threadpool(threads)
        # The program must live as long as its methods: the bindings do not keep it.
        self._program, self._method = _open_method(file, name)
        with reading(file, KIND):
            metadata = self._method.metadata
            if (metadata.num_inputs(), metadata.num_outputs()) != (len(names.inputs), len(names.outputs)):
                raise ArtifactError(
                    f"Expected {name!r} of {file} to have {', '.join((*names.inputs, *names.outputs))}; found "
                    f"{metadata.num_inputs()} inputs and {metadata.num_outputs()} outputs. File and manifest do not "
                    "belong together: convert again."
                )
            _, _, self.height, self.width = metadata.input_tensor_meta(0).sizes()
            _, _, *source_size = metadata.input_tensor_meta(1).sizes()
            last = names.inputs.index(PREVIOUS_PATH) if PREVIOUS_PATH in names.inputs else None
            self._blocks = 0 if last is None else metadata.input_tensor_meta(last).sizes()[0]
        self._source_size = tuple(source_size)
        self.ran_on = f"ExecuTorch {version('executorch')}, XNNPACK on this CPU"

    def __call__(
        self,
        image: NDArray[np.uint8],
        source: NDArray[np.uint8],
        control: NDArray[np.float32] | None = None,
        last: LastFrame | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        """See ``LoadedModel.__call__``."""
        size = (self.height, self.width)
        arrays = planar_inputs(self._names, size, self._source_size, self._blocks, image, source, control, last)
        inputs = [torch.from_numpy(array) for array in arrays.values()]
        with reading(self._file, KIND):
            outputs = [each.numpy() for each in self._method.execute(inputs)]  # clones of what the method holds
        return plain_outputs(dict(zip(self._names.outputs, outputs, strict=True)))


def input_names(file: Path, name: str) -> tuple[str, ...]:
    """Return the contract's names of a method's inputs in their order, by their number: the file holds none.

    Raises:
        ArtifactError: if the file cannot be read or has no such method.
    """
    _, method = _open_method(file, name)
    count = method.metadata.num_inputs()
    names = OF_DYNAMIC if method.metadata.num_outputs() == len(OF_DYNAMIC.outputs) else OF_PROBE
    return names.inputs[:count]


def _open_method(file: Path, name: str) -> tuple[Any, Any]:
    """Return a program, and a method of it, which must not outlive it."""
    check_program(file)
    with reading(file, KIND):
        program = Runtime.get().load_program(file, verification=Verification.InternalConsistency)
        if name not in program.method_names:
            names = ", ".join(sorted(program.method_names))
            raise ArtifactError(f"{file} has the methods {names}; expected {name!r}.")
        return program, program.load_method(name)
