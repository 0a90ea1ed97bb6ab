"""Run .tflite files with the LiteRT interpreter and its XNNPACK delegate."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.base import Divergence, Expectation, Inspection, TensorNames
from pam_edge.runtimes.first_divergence import by_weights, first_unmatched
from pam_edge.runtimes.guards import control_flow
from pam_edge.runtimes.tflite.inspection import inspect_signature, stored_precision
from pam_edge.runtimes.tflite.signature import Signature, input_names
from pam_edge.terms import Precision


class LiteRTRuntime:
    """Loads signatures of .tflite files."""

    name = "litert"

    def load(self, file: Path, entry_point: str, names: TensorNames, *, threads: int) -> Signature:
        """See ``Runtime.load``."""
        with control_flow(names.control):
            return Signature(file, entry_point, names, threads)

    def first_divergence(self, file: Path, entry_point: str, expected: Expectation) -> Divergence | None:
        """See ``Runtime.first_divergence``: runs without the delegate, keeping every tensor."""
        try:
            signature = Signature(file, entry_point, expected.names, threads=1)
        except ArtifactError as error:
            return Divergence(None, None, str(error))
        # A dynamic graph keeps the values of its branches to itself: weights alone are compared.
        if expected.control is None:
            tensors = signature.tensors(expected.image, expected.source, expected.last)
            block = first_unmatched(expected.blocks, tensors, expected.float32_tolerance)
            if block is not None:
                return Divergence(block, None, "no intermediate value of the file is this block's output")
        return by_weights(expected.blocks, file.read_bytes())

    def input_names(self, file: Path, entry_point: str) -> tuple[str, ...]:
        """See ``Runtime.input_names``."""
        return input_names(file, entry_point)

    def precision(self, file: Path) -> Precision:
        """See ``Runtime.precision``."""
        return stored_precision(file)

    def inspect(self, file: Path, entry_point: str) -> Inspection:
        """See ``Runtime.inspect``."""
        return inspect_signature(file, entry_point)

    def versions(self) -> dict[str, str]:
        """See ``Runtime.versions``."""
        return {"ai-edge-litert": version("ai-edge-litert")}
