"""A conversion inside a worker process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pam_edge.converters.base import ConversionJob, EntryPoint
from pam_edge.converters.registry import load_converter
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.targets import Mode, Precision, Target, TensorIO


def convert(payload: dict[str, Any]) -> dict[str, Any]:
    """Convert as ``payload`` says, in JSON terms; return the file of each entry point and the tools' versions."""
    converter = load_converter(Target(payload["target"]))
    entries = tuple(EntryPoint(name, PathSpec.parse(path)) for name, path in payload["entry_points"].items())
    job = ConversionJob(
        supernet=load_checkpoint(payload["checkpoint"]).supernet,
        entry_points=entries,
        mode=Mode(payload["mode"]),
        precision=Precision(payload["precision"]),
        height=payload["size"][0],
        width=payload["size"][1],
        io=TensorIO(payload["io"]),
        directory=Path(payload["directory"]),
    )
    return {"files": converter.convert(job), "versions": converter.versions()}
