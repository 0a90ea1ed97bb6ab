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
from pam_edge.runtimes.guards import check_flatbuffer, check_picture, reading

KIND = "a LiteRT model (.tflite)"


def open_interpreter(file: Path, **options: Any) -> Any:
    """Return an interpreter of a file, whose structure LiteRT has verified.

    Raises:
        ArtifactError: if LiteRT does not take the file.
    """
    check_flatbuffer(file, KIND, b"TFL3")
    with reading(file, KIND):
        return Interpreter(model_path=str(file), **options)


class Signature:
    """One signature, loaded and ready to run at its fixed size.

    Attributes:
        height: of image and trimap.
        width: of image and trimap.
        ran_on: what executes it, for reports.

    Raises:
        ArtifactError: if the file cannot be read or has no such signature.
    """

    def __init__(self, file: Path, name: str, threads: int) -> None:
        self._file, self._name = file, name
        self._interpreter = open_interpreter(file, num_threads=threads)
        with reading(file, KIND):
            names = list(self._interpreter.get_signature_list())
            if name not in names:
                raise ArtifactError(f"{file} has the signatures {', '.join(names)}; expected {name!r}.")
            self._runner = self._interpreter.get_signature_runner(name)
            _, self.height, self.width, _ = map(int, self._runner.get_input_details()["image"]["shape"])
        self.ran_on = f"LiteRT {version('ai-edge-litert')}, XNNPACK on this CPU"

    @property
    def input_names(self) -> tuple[str, ...]:
        """The signature's names of the inputs, in the file's order."""
        by_index = {int(each["index"]): name for name, each in self._runner.get_input_details().items()}
        return tuple(by_index[int(each["index"])] for each in self._interpreter.get_input_details())

    def __call__(
        self, image: NDArray[np.uint8], trimap: NDArray[np.uint8], **more: NDArray[np.float32]
    ) -> dict[str, NDArray[np.float32]]:
        """Return outputs by name from image uint8[H, W, 3] (RGB), trimap uint8[H, W] and further inputs by name.

        Alpha is float32[H, W], all others are as the file has them.
        """
        check_picture(image, trimap, self.height, self.width)
        with reading(self._file, KIND):
            outputs: dict[str, NDArray[np.float32]] = self._runner(**_inputs(image, trimap), **more)
            return outputs | {"alpha": outputs["alpha"].reshape(self.height, self.width).copy()}

    def tensors(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> Iterator[NDArray[np.floating]]:
        """Run again without the delegate and yield every float tensor of the signature."""
        interpreter = open_interpreter(
            self._file,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        with reading(self._file, KIND):
            runner = interpreter.get_signature_runner(self._name)
            runner(**_inputs(image, trimap))
        return _tensors(interpreter, runner)


def _inputs(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    return {"image": image[None].astype(np.float32), "trimap": trimap[None, :, :, None].astype(np.float32)}


def _tensors(interpreter: Any, runner: Any) -> Iterator[NDArray[np.floating]]:
    """Yield the float tensors of the signature's subgraph."""
    subgraph = runner._subgraph_index
    for details in interpreter.get_tensor_details(subgraph):
        if details["dtype"] == np.float32 and len(details["shape"]) == 4:
            try:
                yield interpreter.get_tensor(details["index"], subgraph)
            except ValueError:  # constants of another subgraph and tensors that no operator wrote
                continue
