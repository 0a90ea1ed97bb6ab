"""Reference runtime for Core ML packages: executes a saved ``.mlpackage`` on any machine.

model = pam_edge.runtimes.coreml.load("matte.mlpackage")
alpha = model.predict({"image": image, "trimap": trimap})["alpha"]
"""

from __future__ import annotations

from pam_edge.runtimes.coreml.features import Feature
from pam_edge.runtimes.coreml.model import Model, load
from pam_edge.runtimes.coreml.table import OpSupport, supported_ops

__all__ = ["Feature", "Model", "OpSupport", "load", "supported_ops"]
