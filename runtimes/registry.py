"""Which class runs which target's files. Adding a runtime is one package and one line here."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

from pam_edge.errors import MissingExtraError
from pam_edge.runtimes.base import Runtime
from pam_edge.targets import Target

RUNTIMES: dict[Target, str] = {
    Target.COREML: "pam_edge.runtimes.coreml.runtime:CoreMLRuntime",
    Target.TFLITE: "pam_edge.runtimes.tflite.runtime:LiteRTRuntime",
    Target.EXECUTORCH: "pam_edge.runtimes.executorch.runtime:ExecuTorchRuntime",
}

_REQUIRED_PACKAGE = {
    Target.COREML: "coremltools",
    Target.TFLITE: "ai_edge_litert",
    Target.EXECUTORCH: "executorch",
}


def load_runtime(target: Target) -> Runtime:
    """Return the runtime of a target; its packages are imported now.

    Raises:
        MissingExtraError: naming the extra to install.
    """
    package = _REQUIRED_PACKAGE[target]
    if find_spec(package) is None:
        raise MissingExtraError(
            f"Running {target.value} files needs {package}, not installed here. Install the extra: "
            f"pip install 'pam-edge[{target.value}]'."
        )
    module, _, name = RUNTIMES[target].partition(":")
    runtime: Runtime = getattr(importlib.import_module(module), name)()
    return runtime
