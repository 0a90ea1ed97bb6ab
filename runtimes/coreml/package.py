"""Reads a saved ``.mlpackage`` folder as Core ML would: manifest, specification, weight files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pam_edge.errors import ArtifactError, MissingExtraError
from pam_edge.runtimes.coreml.blobs import BlobFile, NaNBlobs
from pam_edge.runtimes.guards import reading
from pam_edge.toolchains import UNUSED_BY_COREMLTOOLS, hidden

MANIFEST = "Manifest.json"
ROOT_KEY = "rootModelIdentifier"
ITEMS_KEY = "itemInfoEntries"
KIND = "a Core ML package (.mlpackage)"


@dataclass(slots=True)
class Package:
    """A package on disk.

    Attributes:
        path: the ``.mlpackage`` folder.
        specification: the parsed ``Model`` protobuf.
        folder: where the specification lies; the program's weight files are below it.
    """

    path: Path
    specification: Any
    folder: Path
    _blobs: dict[str, BlobFile] = field(default_factory=dict)

    def blobs(self, name: str) -> BlobFile:
        """Return the weight file that the program calls ``@model_path/<name>``, opened once."""
        if name not in self._blobs:
            self._blobs[name] = BlobFile(self.folder / name)
        return self._blobs[name]

    def blobs_or_nan(self, name: str) -> NaNBlobs:
        """Return the same, with NaN in place of what cannot be read."""
        try:
            return NaNBlobs(self.blobs(name))
        except ArtifactError:
            return NaNBlobs(None)


def read_package(path: Path) -> Package:
    """Read manifest and specification.

    Raises:
        ArtifactError: if the package is incomplete, damaged or holds no ML program.
        MissingExtraError: if coremltools is not installed.
    """
    with reading(path, KIND):
        model = _model_file(path)
        return Package(path, _specification(model), model.parent)


def _model_file(path: Path) -> Path:
    manifest = path / MANIFEST
    if not manifest.is_file():
        raise ArtifactError(f"Expected an .mlpackage folder with a {MANIFEST} at {path}; found none. Check the path.")
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
        entry = content[ITEMS_KEY][content[ROOT_KEY]]["path"]
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"Expected {MANIFEST} of {path.name} to name the model under {ROOT_KEY}; found a file that does not "
            f"({error!r}). Convert again."
        ) from error
    model = (path / "Data" / str(entry)).resolve()
    if not model.is_relative_to((path / "Data").resolve()) or not model.is_file():
        raise ArtifactError(f"Expected the model at Data/{entry} in {path.name}; found no such file. Convert again.")
    return model


def _specification(model: Path) -> Any:
    try:
        with hidden(*UNUSED_BY_COREMLTOOLS):
            from coremltools.proto import Model_pb2
    except ImportError as error:
        raise MissingExtraError(
            'Expected coremltools to read a Core ML package; it is not installed. Run `pip install "pam-edge[coreml]"`.'
        ) from error
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    specification = Model_pb2.Model()
    try:
        specification.ParseFromString(model.read_bytes())
    except DecodeError as error:
        raise ArtifactError(
            f"Expected a Core ML specification in {model.name}; found {error}. Convert again."
        ) from error
    kind = specification.WhichOneof("Type")
    if kind != "mlProgram":
        raise ArtifactError(
            f"Expected an ML program in {model.name}; found {kind}. Convert to an ML program (iOS 15+)."
        )
    return specification
