"""Convert a graph that chooses: exported with marks, branches beside it, then rewritten with conditionals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pam_edge.converters.base import ConversionJob, EntryPoint
from pam_edge.converters.capture import example_inputs, named, vector_sizes
from pam_edge.converters.coreml.precision import computes_in_half, oldest_system, store_weights
from pam_edge.converters.coreml.splice_conds import splice
from pam_edge.converters.marks import input_name, mark_choices, output_name
from pam_edge.errors import ConversionError
from pam_edge.graphs.dynamic import DynamicGraph
from pam_edge.graphs.ends import with_ends
from pam_edge.toolchains import UNUSED_BY_COREMLTOOLS, hidden

with hidden(*UNUSED_BY_COREMLTOOLS):
    import coremltools as ct

_FEATURE_RANK = 4
"""Features have four dimensions and more; the governor's sums, its budget and its table have fewer."""


class _Beside(nn.Module):
    """A graph, and beside it its branches with inputs and outputs of their own."""

    def __init__(self, graph: nn.Module, branches: Mapping[nn.Module, Tensor]) -> None:
        super().__init__()
        self.choosing = graph  # not "graph", which an exported module has already
        self.branches = nn.ModuleList(branches)

    def forward(self, **inputs: Tensor) -> dict[str, Tensor]:
        count = range(len(self.branches))
        features = [inputs.pop(input_name(index)) for index in count]
        outputs: dict[str, Tensor] = self.choosing(**inputs)
        beside = {output_name(index): self.branches[index](features[index]) for index in count}
        return outputs | beside


def convert_dynamic(
    job: ConversionJob, entry: EntryPoint, inputs: list[Any], outputs: list[Any], passes: Any, package: Path
) -> None:
    """Write a dynamic graph as a package with one function.

    The network is in the job's precision, both sides of every branch included; budget, costs and comparisons are in
    float32, in which costs are exact.

    Args:
        job: with a selection.
        entry: its only one.
        inputs: image and source, as the static converter declares them.
        outputs: alpha, and what comes after path and cost.
        passes: pipeline of the conversion.
        package: to write.

    Raises:
        ConversionError: if coremltools refuses the graph, or its result is not as expected.
    """
    assert job.selection is not None, "a dynamic graph needs costs and a table"
    graph = DynamicGraph(job.supernet, job.selection.costs, job.selection.table)
    exported = named(with_ends(graph, entry.interface.ends), job, entry)
    example = example_inputs(job, entry)
    branches = mark_choices(graph, exported, example)
    features = {input_name(index): x for index, x in enumerate(branches.values())}
    half = computes_in_half(job)
    dtype = np.float16 if half else np.float32
    try:
        with torch.no_grad():
            program = torch.export.export(_Beside(exported, branches).eval(), (), example | features, strict=False)
        model = ct.convert(
            program.run_decompositions({}),
            inputs=[
                *inputs,
                *(
                    ct.TensorType(name, shape=(count,), dtype=np.float32)
                    for name, count in vector_sizes(job, entry).items()
                ),
                *(ct.TensorType(name, shape=x.shape, dtype=dtype) for name, x in features.items()),
            ],
            outputs=[
                *outputs[:1],
                ct.TensorType("path", dtype=np.float32),
                ct.TensorType("cost", dtype=np.float32),
                *outputs[1:],
                *(ct.TensorType(output_name(index), dtype=dtype) for index in range(len(branches))),
            ],
            minimum_deployment_target=oldest_system(job),
            compute_precision=ct.transform.FP16ComputePrecision(_is_feature) if half else ct.precision.FLOAT32,
            pass_pipeline=passes,
            skip_model_load=True,
        )
    except (RuntimeError, ValueError, NotImplementedError) as error:
        raise ConversionError(f"Core ML, dynamic graph: coremltools refused it: {error}") from error
    store_weights(model, job.precision).save(str(package))
    splice(package, len(branches))


def _is_feature(operation: Any) -> bool:
    """Tell whether an operation of coremltools' program computes features, and not what a path costs."""
    return bool(operation.outputs[0].rank >= _FEATURE_RANK)
