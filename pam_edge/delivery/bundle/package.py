"""Package an artifact for a platform.

    artifact -> fits? -> library + model + probe + papers -> bundle.json -> folder, renamed into place

Everything that goes in is first a table from path to content; then it is written, so that the same artifact and the
same pam-edge give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pam_edge import __version__
from pam_edge.delivery.artifact.artifact import Artifact
from pam_edge.delivery.artifact.manifest import MANIFEST, Manifest
from pam_edge.delivery.artifact.staging import check_free, deliver, staging
from pam_edge.delivery.bundle.fitness import check_comparable, check_fits
from pam_edge.delivery.bundle.library import LIBRARIES, library_files
from pam_edge.delivery.bundle.licences import licences
from pam_edge.delivery.bundle.page import page_folder
from pam_edge.delivery.bundle.probe import probe_files
from pam_edge.delivery.bundle.readme import readme
from pam_edge.delivery.bundle.record import BUNDLE, BundleFile, BundleRecord
from pam_edge.delivery.bundle.sizes import size_table, sizes
from pam_edge.delivery.bundle.weights import model_card
from pam_edge.errors import ArtifactError, UsageError
from pam_edge.files import as_path
from pam_edge.terms import Platform

MODEL, COMPARE, PROBE, README = "model", "compare", "probe", "README.md"

Content = Path | bytes
"""Of one file: where it is copied from, or what it holds."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was written.

    Attributes:
        directory: where it lies.
        record: what is in it.
        sizes: in bytes, by part.
    """

    directory: Path
    record: BundleRecord
    sizes: Mapping[str, int]


def package(
    directory: str | Path,
    platform: Platform,
    out: str | Path,
    *,
    probe: str | Path | None = None,
    compare: str | Path | None = None,
) -> Bundle:
    """Write what an app of a platform ships; the folder appears whole or not at all.

    Args:
        directory: artifact folder, whose parity passed.
        platform: where the app runs.
        out: folder to write, that must not hold anything yet.
        probe: folder that ``profile kit`` wrote, with which the app can measure its device.
        compare: a second artifact, which a web page sets beside the first.

    Raises:
        UsageError: if the target does not fit the platform, the probe or second artifact not the first, or ``out``
            holds something.
        ParityError: if parity did not pass, or was not run.
        ArtifactError: if the artifact is missing, damaged or changed.
        MissingExtraError: if a web page is to be built, without what builds it.
        ConversionError: if it cannot be built.
    """
    final = as_path("out", out)
    check_free(final)
    artifact = Artifact.read(directory)
    check_fits(artifact, platform)
    contents = _model(artifact, MODEL)
    if compare is not None:
        contents |= _model(_other(artifact, Artifact.read(compare), platform), COMPARE)
    if probe is not None:
        kit = probe_files(as_path("probe", probe), artifact.manifest)
        contents |= {f"{PROBE}/{path}": file for path, file in kit.items()}
    library = library_files(platform)
    contents |= _library(platform, library)
    checkpoint = artifact.manifest.checkpoint
    contents["MODEL_CARD.md"] = model_card(checkpoint).encode()
    contents["LICENSES.md"] = licences(checkpoint, platform, library, tuple(contents)).encode()
    with staging(final) as folder:
        record = _write(folder, contents, artifact.manifest, platform, library)
        deliver(folder, final)
    return Bundle(final, record, sizes(record.files))


def _other(artifact: Artifact, other: Artifact, platform: Platform) -> Artifact:
    """Return a second artifact, once it is known to be one for this page."""
    if platform is not Platform.WEB:
        raise UsageError(
            f"--compare: expected --platform web, whose page shows two artifacts side by side; got {platform}. Leave "
            "--compare out."
        )
    check_fits(other, platform)
    check_comparable(artifact, other)
    return other


def _model(artifact: Artifact, folder: str) -> dict[str, Content]:
    """Return the artifact's own files: what its manifest names, and nothing that lies beside it."""
    contents: dict[str, Content] = {}
    for name in (MANIFEST, *artifact.named_files()):
        path = artifact.directory / name
        for file in [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file()):
            contents[f"{folder}/{file.relative_to(artifact.directory).as_posix()}"] = file
        if not path.exists():
            raise ArtifactError(f"Expected {name} in {artifact.directory}; it is missing. Copy the folder again.")
    return contents


def _library(platform: Platform, sources: Mapping[str, Path]) -> dict[str, Content]:
    """Return the platform's library: its sources, or for the web the page that is built of them."""
    if platform is Platform.WEB:
        page = page_folder()
        files = {file.relative_to(page).as_posix(): file for file in page.rglob("*") if file.is_file()}
        return {path: files[path] for path in sorted(files)}
    return {f"{LIBRARIES[platform].into}/{path}": file for path, file in sources.items()}


def _write(
    folder: Path,
    contents: dict[str, Content],
    manifest: Manifest,
    platform: Platform,
    library: Mapping[str, Path],
) -> BundleRecord:
    """Write everything; the README, which states the sizes, after the rest, and the record last."""
    files = [_write_one(folder, path, content) for path, content in contents.items()]
    table = size_table(sizes(tuple(files)), platform)
    has_probe = any(path.startswith(f"{PROBE}/") for path in contents)
    has_second = any(path.startswith(f"{COMPARE}/") for path in contents)
    text = readme(manifest, platform, library, table, has_probe=has_probe, has_second=has_second)
    files.append(_write_one(folder, README, text.encode()))
    record = BundleRecord(
        platform=platform,
        tool=f"pam-edge {__version__}",
        target=manifest.target,
        mode=manifest.mode,
        precision=manifest.precision,
        command=manifest.command,
        files=tuple(sorted(files, key=lambda file: file.path)),
    )
    _write_one(folder, BUNDLE, (record.model_dump_json(indent=1) + "\n").encode())
    _set_modes(folder)
    return record


def _write_one(folder: Path, path: str, content: Content) -> BundleFile:
    data = content if isinstance(content, bytes) else content.read_bytes()
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return BundleFile(path=path, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def _set_modes(folder: Path) -> None:
    """Let files and folders have the same permissions whatever the umask is."""
    for each in (folder, *folder.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)
