"""Making one artifact inside a worker process: convert, then check the saved files.

Both in one process, because importing a toolchain takes longer than most of what is done with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pam_edge.converters.base import ConversionJob, EntryPoint
from pam_edge.converters.registry import load_converter
from pam_edge.delivery.manifest import EntryPointRecord, Manifest, content_bytes, content_hash
from pam_edge.delivery.verify import check_in_process
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.path import PathSpec


def convert_and_check(payload: dict[str, Any]) -> dict[str, Any]:
    """Convert what a draft manifest describes and check the files against the supernet.

    Args:
        payload: ``manifest``, without files and parity; ``checkpoint``, name or file; ``directory`` for the files;
            ``mattes``, a folder for the artifact's alphas, or None.

    Returns:
        ``{"manifest": ...}`` with files, hashes, versions and parity.
    """
    draft, directory = Manifest.model_validate(payload["manifest"]), Path(payload["directory"])
    checkpoint = load_checkpoint(payload["checkpoint"])
    job = ConversionJob(
        supernet=checkpoint.supernet,
        entry_points=tuple(EntryPoint(entry.name, PathSpec.parse(entry.path)) for entry in draft.entry_points),
        mode=draft.mode,
        precision=draft.precision,
        height=draft.height,
        width=draft.width,
        io=draft.io,
        directory=directory,
    )
    converter = load_converter(draft.target)
    files = converter.convert(job)
    entries = tuple(_with_file(entry, directory, files[entry.name]) for entry in draft.entry_points)
    manifest = draft.model_copy(update={"entry_points": entries, "tool_versions": converter.versions()})
    mattes = Path(payload["mattes"]) if payload["mattes"] else None
    parity = check_in_process(directory, manifest, checkpoint, {"kind": "convert"}, mattes=mattes, threads=1)
    return {"manifest": manifest.model_copy(update={"parity": parity}).model_dump(mode="json")}


def _with_file(entry: EntryPointRecord, directory: Path, name: str) -> EntryPointRecord:
    file = directory / name
    return entry.model_copy(update={"file": name, "sha256": content_hash(file), "bytes": content_bytes(file)})
