"""Run .tflite files with the LiteRT interpreter and its XNNPACK delegate."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import Divergence, Expectation, Inspection
from pam_edge.runtimes.matching import by_weights, first_unmatched
from pam_edge.runtimes.tflite.inspection import inspect_signature


class LiteRTRuntime:
    """Loads signatures of .tflite files."""

    name = "litert"

    def load(self, file: Path, entry_point: str, *, threads: int) -> LiteRTModel:
        """See ``Runtime.load``."""
        return LiteRTModel(file, entry_point, threads)

    def first_divergence(self, file: Path, entry_point: str, expected: Expectation) -> Divergence | None:
        """See ``Runtime.first_divergence``: runs without the delegate, keeping every tensor."""
        try:
            model = LiteRTModel(file, entry_point, threads=1)
        except ArtifactError as error:
            return Divergence(None, None, str(error))
        tensors = model.tensors(expected.image, expected.trimap)
        block = first_unmatched(expected.blocks, tensors, expected.float32_tolerance)
        if block is not None:
            return Divergence(block, None, "no intermediate value of the file is this block's output")
        return by_weights(expected.blocks, file.read_bytes())

    def inspect(self, file: Path, entry_point: str) -> Inspection:
        """See ``Runtime.inspect``."""
        return inspect_signature(file, entry_point)

    def versions(self) -> dict[str, str]:
        """See ``Runtime.versions``."""
        return {"ai-edge-litert": version("ai-edge-litert")}


class LiteRTModel:
    """One signature of a .tflite file."""

    def __init__(self, file: Path, signature: str, threads: int) -> None:
        self._file, self._signature = file, signature
        self._interpreter = self._open(num_threads=threads)
        names = list(self._interpreter.get_signature_list())
        if signature not in names:
            raise ArtifactError(f"{file} has the signatures {', '.join(names)}; expected {signature!r}.")
        self._runner = self._interpreter.get_signature_runner(signature)
        _, self.height, self.width, _ = map(int, self._runner.get_input_details()["image"]["shape"])
        self.ran_on = f"LiteRT {version('ai-edge-litert')}, XNNPACK on this CPU"

    def _open(self, **options: Any) -> Any:
        try:
            return Interpreter(model_path=str(self._file), **options)
        except (ValueError, RuntimeError) as error:
            raise ArtifactError(f"{self._file} is not a readable LiteRT model: {error}") from error

    def __call__(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``LoadedModel.__call__``."""
        alpha: NDArray[np.float32] = self._runner(**_inputs(image, trimap))["alpha"]
        return alpha[0, :, :, 0].copy()

    def tensors(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> Iterator[NDArray[np.floating]]:
        """Run again without the delegate and yield every float tensor of the signature."""
        interpreter = self._open(
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        runner = interpreter.get_signature_runner(self._signature)
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
