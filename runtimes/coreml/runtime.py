"""Run Core ML packages with the reference runtime, on any machine."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pam_edge.errors import ArtifactError, UnsupportedOpError
from pam_edge.runtimes.base import Divergence, Expectation, Inspection, LastFrame, TensorNames
from pam_edge.runtimes.coreml.inputs import function_name, image_size, load_ours, model_inputs
from pam_edge.runtimes.coreml.inspection import inspect_function, stored_precision
from pam_edge.runtimes.coreml.localise import Localisation, localise
from pam_edge.runtimes.coreml.model import Model, load_damaged
from pam_edge.runtimes.first_divergence import by_weights
from pam_edge.runtimes.guards import check_names
from pam_edge.terms import Precision


class CoreMLRuntime:
    """Loads functions of .mlpackage folders for the reference runtime."""

    name = "reference"

    def load(self, file: Path, entry_point: str, names: TensorNames, *, threads: int) -> CoreMLModel:
        """See ``Runtime.load``; the number of threads is PyTorch's."""
        return CoreMLModel(load_ours(file), entry_point, names)

    def first_divergence(self, file: Path, entry_point: str, expected: Expectation) -> Divergence | None:
        """See ``Runtime.first_divergence``: compares every operation's output, in the declared types and in float32."""
        try:
            model = load_damaged(file)
            found = localise(
                model,
                model_inputs(
                    model,
                    entry_point,
                    expected.names,
                    expected.image,
                    expected.source,
                    expected.control,
                    expected.last,
                ),
                [(block.block, block.values) for block in expected.blocks],
                details=expected.layers,
                function=function_name(model, entry_point),
                declared_tolerance=expected.tolerance,
                float32_tolerance=expected.float32_tolerance,
            )
        except (ArtifactError, UnsupportedOpError) as error:
            return Divergence(None, None, str(error))
        if found.first_different is None:
            weights = file / "Data"
            stored = b"".join(each.read_bytes() for each in sorted(weights.rglob("*")) if each.is_file())
            return by_weights(expected.blocks, stored)
        return Divergence(found.first_different, _operation(found), _explanation(found))

    def input_names(self, file: Path, entry_point: str) -> tuple[str, ...]:
        """See ``Runtime.input_names``."""
        model = load_ours(file)
        return tuple(feature.name for feature in model.inputs(function_name(model, entry_point)))

    def precision(self, file: Path) -> Precision:
        """See ``Runtime.precision``."""
        return stored_precision(file)

    def inspect(self, file: Path, entry_point: str) -> Inspection:
        """See ``Runtime.inspect``."""
        return inspect_function(file, entry_point)

    def versions(self) -> dict[str, str]:
        """See ``Runtime.versions``."""
        return {"pam-edge": version("pam-edge"), "torch": version("torch")}


class CoreMLModel:
    """One function of a package, the only one, whatever its name, where there is one; see ``LoadedModel``."""

    ran_on = "pam-edge's Core ML reference runtime on this CPU"

    def __init__(self, model: Model, entry_point: str, names: TensorNames) -> None:
        self._model, self._entry_point, self._names = model, entry_point, names
        self._function = function_name(model, entry_point)
        check_names(model.path, entry_point, names.inputs, [each.name for each in model.inputs(self._function)])
        check_names(model.path, entry_point, names.outputs, [each.name for each in model.outputs(self._function)])
        self.height, self.width = image_size(model, self._function)

    def __call__(
        self,
        image: NDArray[np.uint8],
        source: NDArray[np.uint8],
        control: NDArray[np.float32] | None = None,
        last: LastFrame | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        """See ``LoadedModel.__call__``."""
        inputs = model_inputs(self._model, self._entry_point, self._names, image, source, control, last)
        found = self._predict(inputs)
        outputs = {name: np.asarray(value, np.float32) for name, value in found.items()}
        outputs["alpha"] = outputs["alpha"].reshape(self.height, self.width)
        if "foreground" in outputs and outputs["foreground"].ndim > len(("height", "width", "channel")):
            outputs["foreground"] = outputs["foreground"][0].transpose(1, 2, 0)
        return outputs

    def _predict(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return outputs by name; uint8 arrays go in as images."""
        return self._model.predict(inputs, self._function)


def _operation(found: Localisation) -> str | None:
    return f"{found.suspect.kind} {found.suspect.output!r}" if found.suspect else None


def _explanation(found: Localisation) -> str:
    block = next(each for each in found.blocks if each.name == found.first_different)
    return (
        f"{found.verdict.value} (largest difference, as a share of the block's largest value: "
        f"{block.declared_error:.2g} with the declared types, {block.float32_error:.2g} in float32)"
    )
