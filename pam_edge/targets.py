"""Output formats."""

from __future__ import annotations

from enum import StrEnum

from pam_edge.terms import Precision


class Target(StrEnum):
    """Output format."""

    COREML = "coreml"
    TFLITE = "tflite"
    EXECUTORCH = "executorch"

    @property
    def default_precision(self) -> Precision:
        """Precision of an artifact when none is asked for: what the platform computes in by itself."""
        return Precision.FP16 if self is Target.COREML else Precision.FP32
