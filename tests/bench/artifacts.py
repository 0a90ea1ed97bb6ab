"""Make every contender's file of one full path, and single convolutions, in a worker of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pam_edge.converters.base import ConversionJob, EntryPoint
from pam_edge.converters.registry import load_converter
from pam_edge.graphs.ends import Interface
from pam_edge.graphs.static import StaticGraph
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Target
from pam_edge.terms import Mode, TensorIO
from tests.bench.contenders import ENTRY
from tests.bench.layers import Convolution


class Maker:
    """Writes files into a folder; nothing is kept between runs of the benchmark."""

    def network(self, form: str, checkpoint: str, size: int, folder: str) -> None:
        """Write a full path as ``tflite``, ``executorch``, ``coreml`` (fp16) or ``eager`` (module and ONNX)."""
        supernet = load_checkpoint(checkpoint).supernet.eval()
        path = PathSpec.full(supernet.block_count)
        if form == "eager":
            _write_eager(StaticGraph(supernet, path).eval(), size, Path(folder))
            return
        target = Target(form)
        job = ConversionJob(
            supernet=supernet,
            entry_points=(EntryPoint(ENTRY, path, Interface(size, size)),),
            mode=Mode.STATIC,
            precision=target.default_precision,
            io=TensorIO.IMAGE if target is Target.COREML else TensorIO.TENSOR,
            directory=Path(folder),
        )
        load_converter(target).convert(job)

    def convolution(self, shape: dict[str, Any], folder: str) -> None:
        """Write one convolution with bias as ``full.pte`` (NCHW) and ``full.tflite`` (NHWC, no transposes left)."""
        convolution = Convolution(**shape)
        torch.manual_seed(0)
        module = convolution.module().eval()
        _write_pte(module, convolution.example(), Path(folder))
        _write_tflite(_ChannelsLast(module).eval(), convolution.example().permute(0, 2, 3, 1), Path(folder))


class _ChannelsLast(nn.Module):
    """A module between two transposes, which the converter removes when it turns the module to NHWC."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.inner(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return result


def _write_eager(graph: nn.Module, size: int, folder: Path) -> None:
    torch.save(graph, folder / f"{ENTRY}.pt")
    torch.onnx.export(
        graph,
        (torch.zeros(1, 3, size, size), torch.zeros(1, 1, size, size)),
        str(folder / f"{ENTRY}.onnx"),
        input_names=["image", "trimap"],
        output_names=["alpha"],
        dynamo=True,
        external_data=False,
    )


def _write_pte(module: nn.Module, example: Tensor, folder: Path) -> None:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    exported = {ENTRY: torch.export.export(module, (example,))}
    program = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()]).to_executorch()
    with (folder / f"{ENTRY}.pte").open("wb") as file:
        program.write_to_file(file)


def _write_tflite(module: nn.Module, example: Tensor, folder: Path) -> None:
    import litert_torch

    litert_torch.signature(ENTRY, module, (example,)).convert().export(str(folder / f"{ENTRY}.tflite"))
