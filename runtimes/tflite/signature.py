"""A signature of a .tflite file, with the LiteRT interpreter and its XNNPACK delegate."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import LastFrame, TensorNames
from pam_edge.runtimes.guards import check_bytes, check_flatbuffer, check_names, last_inputs, reading
from pam_edge.terms import PREVIOUS_PATH

KIND = "a LiteRT model (.tflite)"
MARK = b"TFL3"


def open_interpreter(file: Path, **options: Any) -> Any:
    """Return an interpreter of a file, whose structure LiteRT has verified.

    Raises:
        ArtifactError: if LiteRT does not take the file.
    """
    check_flatbuffer(file, KIND, MARK)
    with reading(file, KIND):
        return Interpreter(model_path=str(file), **options)


def input_names(file: Path, name: str) -> tuple[str, ...]:
    """Return the names of a signature's inputs, in the file's order.

    Raises:
        ArtifactError: if the file cannot be read or has no such signature.
    """
    interpreter, runner = _open_runner(file, name, num_threads=1)
    by_index = {int(each["index"]): name for name, each in runner.get_input_details().items()}
    return tuple(by_index[int(each["index"])] for each in interpreter.get_input_details())


def _open_runner(file: Path, name: str, **options: Any) -> tuple[Any, Any]:
    interpreter = open_interpreter(file, **options)
    with reading(file, KIND):
        names = list(interpreter.get_signature_list())
        if name not in names:
            raise ArtifactError(f"{file} has the signatures {', '.join(names)}; expected {name!r}.")
        return interpreter, interpreter.get_signature_runner(name)


class Signature:
    """One signature, loaded and ready to run at its fixed size; see ``LoadedModel``.

    Raises:
        ArtifactError: if the file cannot be read, or has no such signature.
    """

    def __init__(self, file: Path, name: str, names: TensorNames, threads: int) -> None:
        self._file, self._name, self._names = file, name, names
        self._interpreter, self._runner = _open_runner(file, name, num_threads=threads)
        with reading(file, KIND):
            inputs = self._runner.get_input_details()
            check_names(file, name, names.inputs, inputs)
            check_names(file, name, names.outputs, self._runner.get_output_details())
            # The first call would do it as well, but only loading is kept from printing what delegates print.
            self._runner._interpreter_wrapper.AllocateTensors(self._runner._subgraph_index)
            _, self.height, self.width, _ = map(int, inputs["image"]["shape"])
            _, *source_size, _ = map(int, inputs[names.source]["shape"])
            self._blocks = int(inputs[PREVIOUS_PATH]["shape"][0]) if PREVIOUS_PATH in names.inputs else 0
        self._source_size = tuple(source_size)
        self.ran_on = f"LiteRT {version('ai-edge-litert')}, XNNPACK on this CPU"

    def __call__(
        self,
        image: NDArray[np.uint8],
        source: NDArray[np.uint8],
        control: NDArray[np.float32] | None = None,
        last: LastFrame | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        """See ``LoadedModel.__call__``."""
        inputs = self._inputs(image, source, last)
        if self._names.control is not None:
            inputs[self._names.control] = control
        with reading(self._file, KIND):
            found = dict(self._runner(**inputs))  # copies of what the file holds
        found["alpha"] = found["alpha"][0, ..., 0]
        if "foreground" in found:
            found["foreground"] = found["foreground"][0]
        return found

    def tensors(
        self, image: NDArray[np.uint8], source: NDArray[np.uint8], last: LastFrame | None
    ) -> Iterator[NDArray[np.floating]]:
        """Run again without the delegate and yield every float tensor of the signature."""
        interpreter, runner = _open_runner(
            self._file,
            self._name,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        with reading(self._file, KIND):
            runner(**self._inputs(image, source, last))
        return _tensors(interpreter, runner)

    def _inputs(self, image: NDArray[np.uint8], source: NDArray[np.uint8], last: LastFrame | None) -> dict[str, Any]:
        check_bytes("image", image, (self.height, self.width, 3))
        check_bytes(self._names.source, source, self._source_size)
        inputs = {
            "image": image[None].astype(np.float32),
            self._names.source: source[None, :, :, None].astype(np.float32),
        }
        for name, value in last_inputs(self._names, last, self.height, self.width, self._blocks).items():
            inputs[name] = value[None, :, :, None] if value.ndim == len(("height", "width")) else value
        return inputs


def _tensors(interpreter: Any, runner: Any) -> Iterator[NDArray[np.floating]]:
    """Yield the float tensors of the signature's subgraph."""
    subgraph = runner._subgraph_index
    for details in interpreter.get_tensor_details(subgraph):
        if details["dtype"] == np.float32 and len(details["shape"]) == 4:
            try:
                yield interpreter.get_tensor(details["index"], subgraph)
            except ValueError:  # constants of another subgraph and tensors that no operator wrote
                continue
