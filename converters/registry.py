"""Which class converts to which target. Adding a target is one package and one line here."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

from pam_edge.converters.base import Converter
from pam_edge.errors import MissingExtraError
from pam_edge.targets import Target

CONVERTERS: dict[Target, str] = {
    Target.COREML: "pam_edge.converters.coreml.converter:CoreMLConverter",
    Target.TFLITE: "pam_edge.converters.tflite.converter:LiteRTConverter",
    Target.EXECUTORCH: "pam_edge.converters.executorch.converter:ExecuTorchConverter",
    Target.COREAI: "pam_edge.converters.coreai.converter:CoreAIConverter",
}


def missing_packages(target: Target) -> tuple[str, ...]:
    """Return the import names that ``target`` needs and that are not installed (looks, does not import)."""
    return tuple(name for name in target.facts.packages if find_spec(name) is None)


def require(target: Target) -> None:
    """Check that a target's packages are installed.

    Raises:
        MissingExtraError: naming the extra to install.
    """
    missing = missing_packages(target)
    if missing:
        raise MissingExtraError(
            f"The target {target} needs {', '.join(missing)}, not installed here. Install the extra: "
            f"pip install 'pam-edge[{target}]'."
        )


def load_converter(target: Target) -> Converter:
    """Return the converter of a target; its packages are imported now.

    Raises:
        MissingExtraError: if they are not installed.
    """
    require(target)
    module, _, name = CONVERTERS[target].partition(":")
    converter: Converter = getattr(importlib.import_module(module), name)()
    return converter
