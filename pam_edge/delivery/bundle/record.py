"""``bundle.json``: what lies in a bundle, so that everything in it can be checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pam_edge.delivery.artifact.content import RelativePath, content_hash, inside
from pam_edge.delivery.artifact.manifest import Count, Sha256, schema_version
from pam_edge.errors import ArtifactError
from pam_edge.files import read_text
from pam_edge.targets import Target
from pam_edge.terms import Mode, Platform, Precision

BUNDLE = "bundle.json"
SCHEMA_VERSION = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BundleFile(_Record):
    """One file: its path in the bundle, SHA-256 and size."""

    path: RelativePath
    sha256: Sha256
    bytes: Count


class BundleRecord(_Record):
    """Contents of ``bundle.json``.

    Attributes:
        tool: that wrote the bundle, with its version.
        command: that made the artifact.
        files: all but this one, in order of their paths.
    """

    schema_version: Literal[1] = 1
    platform: Platform
    tool: str
    target: Target
    mode: Mode
    precision: Precision
    command: str
    files: Annotated[tuple[BundleFile, ...], Field(min_length=1)]


def read_bundle(directory: Path) -> BundleRecord:
    """Read a bundle's record and check every file that it names.

    Raises:
        ArtifactError: if it is no bundle, of another schema, or a file is missing, changed, or a link that leads out.
    """
    if not (directory / BUNDLE).is_file():
        raise ArtifactError(
            f"Expected a folder that `pam-edge package` wrote; {directory} has no {BUNDLE}. Give the folder that was "
            "its -o."
        )
    text = read_text(directory / BUNDLE, "a bundle's record", ArtifactError)
    try:
        record = BundleRecord.model_validate_json(text)
    except ValidationError as error:
        if schema_version(text.encode()) > SCHEMA_VERSION:
            raise ArtifactError(
                f"{directory / BUNDLE} was written by a newer pam-edge: expected schema {SCHEMA_VERSION}, found "
                f"{schema_version(text.encode())}. Update pam-edge, or package the artifact again."
            ) from error
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        raise ArtifactError(
            f"{directory / BUNDLE} is damaged or of another schema than {SCHEMA_VERSION}: {key}: {first['msg']}. "
            "Package the artifact again."
        ) from error
    for file in record.files:
        _check(directory, file)
    return record


def _check(directory: Path, file: BundleFile) -> None:
    path = inside(directory, file.path)
    if not path.is_file():
        raise ArtifactError(f"Expected {file.path} in {directory}; it is missing. Package the artifact again.")
    if content_hash(path) != file.sha256:
        raise ArtifactError(
            f"Expected {path} as it was packaged; it was changed since: its SHA-256 is not the one in {BUNDLE}. "
            "Package the artifact again."
        )
