"""pam-edge: image-adaptive matting networks on phones, within a budget, checked against PyTorch.

Everything here loads when it is first used; ``import pam_edge`` itself imports nothing heavy.
"""

from __future__ import annotations

TYPE_CHECKING = False  # true for type checkers; typing's own takes longest of all before Ctrl-C can be handled

__version__ = "0.1.0"

_PLACES = {
    "PamEdgeError": "pam_edge.errors",
    "assert_parity": "pam_edge.delivery.parity.verify",
    "convert": "pam_edge.api",
    "load_checkpoint": "pam_edge.supernet.checkpoint",
    "load_profile": "pam_edge.device_profiles",
    "matte": "pam_edge.api",
    "open_artifact": "pam_edge.api",
    "plan": "pam_edge.api",
    "verify": "pam_edge.delivery.parity.verify",
}

__all__ = [
    "PamEdgeError",
    "assert_parity",
    "convert",
    "load_checkpoint",
    "load_profile",
    "matte",
    "open_artifact",
    "plan",
    "verify",
]

if TYPE_CHECKING:
    from pam_edge.api import convert, matte, open_artifact, plan
    from pam_edge.delivery.parity.verify import assert_parity, verify
    from pam_edge.device_profiles import load_profile
    from pam_edge.errors import PamEdgeError
    from pam_edge.supernet.checkpoint import load_checkpoint


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'pam_edge' has no attribute {name!r}; it offers {', '.join(__all__)}")
    import importlib

    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
