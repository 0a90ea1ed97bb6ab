"""Which classes run which target's files. Adding a runtime is one package and one line here."""

from __future__ import annotations

import importlib
import platform
from importlib.util import find_spec

from pam_edge.errors import MissingExtraError, UsageError
from pam_edge.runtimes.base import Runtime
from pam_edge.targets import Target
from pam_edge.toolchains import silenced

RUNTIMES: dict[Target, dict[str, str]] = {
    Target.COREML: {
        "coreml": "pam_edge.runtimes.coreml.native:NativeCoreMLRuntime",
        "reference": "pam_edge.runtimes.coreml.runtime:CoreMLRuntime",
    },
    Target.TFLITE: {"litert": "pam_edge.runtimes.tflite.runtime:LiteRTRuntime"},
    Target.EXECUTORCH: {"executorch": "pam_edge.runtimes.executorch.runtime:ExecuTorchRuntime"},
    Target.COREAI: {"coreai": "pam_edge.runtimes.coreai.runtime:CoreAIRuntime"},
}
"""By name, the one that proves most first."""

_MACOS_ONLY = "coreml"


def runtime_names(target: Target) -> tuple[str, ...]:
    """Return the runtimes of a target that this machine's system can have."""
    return tuple(name for name in RUNTIMES[target] if name != _MACOS_ONLY or platform.system() == "Darwin")


def load_runtime(target: Target, name: str | None = None) -> Runtime:
    """Return a runtime of a target, by default the one that proves most here; its packages are imported now.

    Raises:
        UsageError: if the target has no runtime of that name, or not on this system.
        MissingExtraError: naming the extra to install.
    """
    names = runtime_names(target)
    chosen = name or names[0]
    if chosen not in names:
        more = "; Core ML itself exists on macOS alone" if chosen == _MACOS_ONLY and target is Target.COREML else ""
        raise UsageError(f"runtime: expected {' or '.join(names)} for {target} here; got {chosen!r}{more}.")
    package = target.facts.runtime_package
    if find_spec(package) is None:
        raise MissingExtraError(
            f"Running {target} files needs {package}, not installed here. Install the extra: "
            f"pip install 'pam-edge[{target}]'."
        )
    module, _, attribute = RUNTIMES[target][chosen].partition(":")
    with silenced():
        runtime: Runtime = getattr(importlib.import_module(module), attribute)()
    return runtime
