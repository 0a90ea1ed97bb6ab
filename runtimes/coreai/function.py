"""A function of a Core AI asset, in Apple's runtime on this machine's processor."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
import weakref
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from coreai import runtime
from coreai.authoring.asset import AIModelAsset
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import LastFrame, TensorNames
from pam_edge.runtimes.guards import check_names, reading
from pam_edge.runtimes.planar import plain_outputs, planar_inputs
from pam_edge.terms import PREVIOUS_PATH

KIND = "a Core AI asset (.aimodel)"
_PROGRAM, _HASH, _METADATA = "main.mlirb", "main.hash", "metadata.json"

_T = TypeVar("_T")


def open_asset(asset: Path) -> AIModelAsset:
    """Open an asset whose program is what was saved: the runtime ends the process over one that is damaged.

    Raises:
        ArtifactError: if it is none, or its program is not what its own hash says.
    """
    if not asset.is_dir():
        found = "a file" if asset.exists() else "nothing"
        raise ArtifactError(f"Expected {KIND}, a folder, at {asset}; found {found}. Check the path, or convert again.")
    with reading(asset, KIND):
        if hashlib.sha256(program_bytes(asset)).digest() != (asset / _HASH).read_bytes():
            raise ValueError(f"{_PROGRAM} is not what {_HASH} says")
        json.loads((asset / _METADATA).read_text())
        return AIModelAsset.load(asset)


def program_bytes(asset: Path) -> bytes:
    """Return the program with its weights.

    Raises:
        OSError: if there is none.
    """
    return (asset / _PROGRAM).read_bytes()


def input_names(asset: Path, name: str) -> tuple[str, ...]:
    """Return the names of a function's inputs, in the file's order.

    Raises:
        ArtifactError: if the asset cannot be read or has no such function.
    """
    function, compiled = open_function(asset, name)
    release(compiled)
    return tuple(function.desc.input_names)


class Function:
    """One function, loaded; see ``LoadedModel``.

    Raises:
        ArtifactError: if the asset cannot be read, or has no such function.
    """

    def __init__(self, asset: Path, name: str, names: TensorNames) -> None:
        self._asset, self._names = asset, names
        self._function, compiled = open_function(asset, name)
        weakref.finalize(self, release, compiled)
        described = self._function.desc
        check_names(asset, name, names.inputs, described.input_names)
        check_names(asset, name, names.outputs, described.output_names)
        _, _, self.height, self.width = described.input_descriptor("image").shape
        self._source_size = tuple(described.input_descriptor(names.source).shape[2:])
        self._blocks = described.input_descriptor(PREVIOUS_PATH).shape[0] if PREVIOUS_PATH in names.inputs else 0
        self.ran_on = f"Core AI {version('coreai-core')} on this CPU"

    def __call__(
        self,
        image: NDArray[np.uint8],
        source: NDArray[np.uint8],
        control: NDArray[np.float32] | None = None,
        last: LastFrame | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        """See ``LoadedModel.__call__``."""
        arrays = self.arrays(image, source, control, last)
        with reading(self._asset, KIND):
            found = call_function(self._function, arrays)
            return plain_outputs({name: found[name] for name in self._names.outputs})

    def arrays(
        self,
        image: NDArray[np.uint8],
        source: NDArray[np.uint8],
        control: NDArray[np.float32] | None,
        last: LastFrame | None,
    ) -> dict[str, NDArray[np.float32]]:
        """Return what the function takes, by name.

        Raises:
            UsageError: as ``LoadedModel.__call__``.
        """
        size = (self.height, self.width)
        return planar_inputs(self._names, size, self._source_size, self._blocks, image, source, control, last)


def open_function(asset: Path, name: str) -> tuple[Any, AsyncExitStack]:
    """Return a function of an asset, and what holds its compiled form on disk: hand that to ``release`` in the end.

    Raises:
        ArtifactError: if the asset cannot be read, or has no such function.
    """
    compiled = AsyncExitStack()
    opened = open_asset(asset)
    try:
        with reading(asset, KIND):
            model = _wait(compiled.enter_async_context(opened.executable()))
            if name not in model.function_names:
                names = ", ".join(sorted(model.function_names))
                raise ArtifactError(f"{asset} has the functions {names}; expected {name!r}.")
            return model.load_function(name), compiled
    except BaseException:
        release(compiled)
        raise


def release(compiled: AsyncExitStack) -> None:
    """Remove a compiled form, without waiting: garbage may be collected by the very thread that removes it."""
    asyncio.run_coroutine_threadsafe(compiled.aclose(), _loop(os.getpid()))


def call_function(function: Any, arrays: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Return what a function gives, by name; copies of what the runtime holds."""
    found = _wait(function({name: runtime.NDArray(array) for name, array in arrays.items()}))
    return {name: np.array(value.numpy()) for name, value in found.items()}


def _wait(work: Coroutine[Any, Any, _T]) -> _T:
    """Return what asynchronous work gives; from any thread, also one that runs a loop of its own."""
    return asyncio.run_coroutine_threadsafe(work, _loop(os.getpid())).result()


@cache
def _loop(_: int) -> asyncio.AbstractEventLoop:
    """Return the loop of a process: a fork has none of its parent's threads."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="coreai", daemon=True).start()
    return loop
