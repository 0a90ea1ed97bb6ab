"""Convert to ExecuTorch programs (.pte), the whole graph in one XNNPACK partition."""

from __future__ import annotations

from importlib.metadata import version

from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import EdgeProgramManager, ExecutorchProgramManager, to_edge_transform_and_lower

from pam_edge.converters.base import ConversionJob, groups
from pam_edge.converters.capture import export_path
from pam_edge.errors import ConversionError, UnsupportedOpError
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Precision


class ExecuTorchConverter:
    """Exports, lowers and serialises; one method per entry point, weights shared between methods."""

    def convert(self, job: ConversionJob) -> dict[str, str]:
        """See ``Converter.convert``."""
        if job.precision is not Precision.FP32:
            raise ConversionError(
                "ExecuTorch artifacts are fp32: with half-precision weights this version's XNNPACK delegate makes no "
                "smaller file, and the casts at the graph's ends fall outside of it. Use --precision fp32, or another "
                "target."
            )
        files: dict[str, str] = {}
        for name, entries in groups(job, ".pte").items():
            program = self._lower({entry.name: entry.fixed_path for entry in entries}, job)
            with (job.directory / name).open("wb") as file:
                program.write_to_file(file)
            files |= {entry.name: name for entry in entries}
        return files

    def versions(self) -> dict[str, str]:
        """See ``Converter.versions``."""
        return {name: version(name) for name in ("executorch", "torch")}

    def _lower(self, paths: dict[str, PathSpec], job: ConversionJob) -> ExecutorchProgramManager:
        exported = {name: export_path(job, path) for name, path in paths.items()}
        edge = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
        for name in paths:
            _check_one_partition(edge, name)
        return edge.to_executorch()


def _check_one_partition(edge: EdgeProgramManager, method: str) -> None:
    graph = edge.exported_program(method).graph
    calls = [str(node.target) for node in graph.nodes if node.op == "call_function"]
    delegated = [call for call in calls if "executorch_call_delegate" in call]
    left = sorted({call for call in calls if "executorch_call_delegate" not in call and "getitem" not in call})
    if len(delegated) != 1 or left:
        raise UnsupportedOpError(
            f"ExecuTorch method {method!r}: expected one XNNPACK partition and nothing else, found {len(delegated)} "
            f"partitions and the operators {left or 'none'} outside. Report it: the graph holds only operators that "
            "XNNPACK took when this was written."
        )
