"""Who runs the same subnet: each class loads its form of it and runs one image per call, in a worker of its own.

Every contender starts from arrays that are ready in its own layout: float32, NCHW or NHWC, except the two that go
through ``pam_edge.runtimes``, which start from uint8 pictures as an app's Python code would.
"""

from __future__ import annotations

import gc
import importlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pam_edge.measuring.memory import mapped_bytes, peak_bytes, reset_peak, resident_bytes

ENTRY = "full"
INPUT_SEED = 7
Array = NDArray[Any]


def example_picture(size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a noise image uint8[H, W, 3] and a trimap uint8[H, W] of three equal bands, always the same."""
    image = np.random.default_rng(INPUT_SEED).integers(0, 256, (size, size, 3), dtype=np.uint8)
    trimap = np.repeat(np.array([0, 128, 255], np.uint8), -(-size // 3))[:size]
    return image, np.broadcast_to(trimap, (size, size)).copy()


class Contender(ABC):
    """Base: times runs and reads memory; subclasses load and run.

    ``packages`` are imported before memory's baseline is taken, so that only the model and its runs count.
    """

    packages: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        for package in self.packages:
            importlib.import_module(package)
        self._run: Callable[[], Array]

    @abstractmethod
    def prepare(self, image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> tuple[Any, Any]:
        """Return the inputs in this contender's layout (before the baseline: they do not count as memory)."""

    @abstractmethod
    def load(self, folder: Path, threads: int, inputs: tuple[Any, Any]) -> Callable[[], Array]:
        """Load this contender's file from ``folder``; return what runs one image and gives alpha."""

    def open(self, folder: str, threads: int, size: int) -> dict[str, int]:
        """Prepare inputs, take the baseline, load the model; return resident bytes before and after loading."""
        inputs = self.prepare(*example_picture(size))
        gc.collect()
        reset_peak()
        before = {"before_bytes": resident_bytes(), "mapped_before_bytes": mapped_bytes()}
        self._run = self.load(Path(folder), threads, inputs)
        return before | {"loaded_bytes": resident_bytes()}

    def run(self) -> dict[str, float]:
        """Run one image; return wall time and processor time of all threads, in milliseconds."""
        cpu, wall = time.process_time(), time.perf_counter()
        self._run()
        return {"wall_ms": (time.perf_counter() - wall) * 1e3, "cpu_ms": (time.process_time() - cpu) * 1e3}

    def peak(self) -> dict[str, int]:
        """Return the largest resident set since just before loading, and the file pages in the present one."""
        return {"peak_bytes": peak_bytes(), "mapped_bytes": mapped_bytes()}

    def save_alpha(self, file: str) -> None:
        """Run once more and save alpha, float32[H, W], as .npy."""
        np.save(file, np.asarray(self._run(), np.float32).squeeze())


def planar(image: Array, trimap: Array) -> tuple[Array, Array]:
    """Return float32[1, 3, H, W] and float32[1, 1, H, W], 0..255."""
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32), trimap[None, None].astype(np.float32)


class LiteRT(Contender):
    """The converter's .tflite file through its signature: one call copies inputs in, invokes, copies alpha out."""

    packages = ("ai_edge_litert.interpreter",)

    def prepare(self, image: Array, trimap: Array) -> tuple[Array, Array]:
        return image[None].astype(np.float32), trimap[None, :, :, None].astype(np.float32)

    def load(self, folder: Path, threads: int, inputs: tuple[Array, Array]) -> Callable[[], Array]:
        from ai_edge_litert.interpreter import Interpreter

        runner = Interpreter(model_path=str(folder / f"{ENTRY}.tflite"), num_threads=threads).get_signature_runner(
            ENTRY
        )
        image, trimap = inputs
        return lambda: runner(image=image, trimap=trimap)["alpha"]


class ExecuTorch(Contender):
    """The converter's .pte file, method executed on tensors."""

    packages = ("torch", "executorch.runtime", "executorch.extension.pybindings.portable_lib")

    def prepare(self, image: Array, trimap: Array) -> tuple[Any, Any]:
        import torch

        first, second = planar(image, trimap)
        return torch.from_numpy(first), torch.from_numpy(second)

    def load(self, folder: Path, threads: int, inputs: tuple[Any, Any]) -> Callable[[], Array]:
        from executorch.extension.pybindings import portable_lib
        from executorch.runtime import Runtime

        portable_lib._unsafe_reset_threadpool(threads)
        self._program = Runtime.get().load_program(folder / f"{ENTRY}.pte")  # must outlive its methods
        method = self._program.load_method(ENTRY)
        return lambda: method.execute(list(inputs))[0]


class OnnxRuntime(Contender):
    """The same graph exported to ONNX, all graph optimisations on, CPU provider."""

    packages = ("onnxruntime",)

    def prepare(self, image: Array, trimap: Array) -> tuple[Array, Array]:
        return planar(image, trimap)

    def load(self, folder: Path, threads: int, inputs: tuple[Array, Array]) -> Callable[[], Array]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        file = str(folder / f"{ENTRY}.onnx")
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        feed = dict(zip(("image", "trimap"), inputs, strict=True))
        return lambda: session.run(["alpha"], feed)[0]


class Eager(Contender):
    """The static graph as a PyTorch module, contiguous, in inference mode; batch norm is folded here too."""

    packages = ("torch", "pam_edge.graphs.static")
    channels_last: ClassVar[bool] = False

    def prepare(self, image: Array, trimap: Array) -> tuple[Any, Any]:
        import torch

        memory_format = torch.channels_last if self.channels_last else torch.contiguous_format
        first, second = (torch.from_numpy(array).to(memory_format=memory_format) for array in planar(image, trimap))
        return first, second

    def load(self, folder: Path, threads: int, inputs: tuple[Any, Any]) -> Callable[[], Array]:
        import torch

        torch.set_num_threads(threads)
        graph = torch.load(folder / f"{ENTRY}.pt", weights_only=False)  # written by this very run
        if self.channels_last:
            graph = graph.to(memory_format=torch.channels_last)
        return torch.inference_mode()(lambda: graph(*inputs))


class EagerChannelsLast(Eager):
    """The same module and inputs in channels-last layout."""

    channels_last = True


class CoreMLReference(Contender):
    """The converter's half-precision .mlpackage, with images as inputs, in the reference runtime."""

    packages = ("torch", "coremltools", "pam_edge.runtimes.coreml")

    def prepare(self, image: Array, trimap: Array) -> tuple[Array, Array]:
        return image, trimap

    def load(self, folder: Path, threads: int, inputs: tuple[Array, Array]) -> Callable[[], Array]:
        import torch

        from pam_edge.runtimes.coreml import load

        torch.set_num_threads(threads)
        model = load(folder / f"{ENTRY}.mlpackage")
        feed = dict(zip(("image", "trimap"), inputs, strict=True))
        return lambda: model.predict(feed)["alpha"]


class LiteRTCall(Contender):
    """The .tflite file through ``pam_edge.runtimes``, from uint8 pictures."""

    packages = ("pam_edge.runtimes.tflite.runtime",)
    target: ClassVar[str] = "tflite"
    suffix: ClassVar[str] = ".tflite"

    def prepare(self, image: Array, trimap: Array) -> tuple[Array, Array]:
        return image, trimap

    def load(self, folder: Path, threads: int, inputs: tuple[Array, Array]) -> Callable[[], Array]:
        from pam_edge.runtimes.base import OF_STATIC
        from pam_edge.runtimes.registry import load_runtime
        from pam_edge.targets import Target

        runtime = load_runtime(Target(self.target))
        model = runtime.load(folder / f"{ENTRY}{self.suffix}", ENTRY, OF_STATIC, threads=threads)
        return lambda: model(*inputs)["alpha"]


class ExecuTorchCall(LiteRTCall):
    """The .pte file through ``pam_edge.runtimes``, from uint8 pictures."""

    packages = ("pam_edge.runtimes.executorch.runtime",)
    target = "executorch"
    suffix = ".pte"
