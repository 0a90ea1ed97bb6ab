"""An artifact folder as everyone uses it: read once, checked once, and opened the same way in every mode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pam_edge.delivery.artifact.content import content_hash, inside
from pam_edge.delivery.artifact.golden import GoldenVector, read_golden
from pam_edge.delivery.artifact.manifest import EntryPointRecord, Manifest, read_manifest
from pam_edge.delivery.artifact.opened import ChosenPath, FixedPath, Opened
from pam_edge.errors import ArtifactError, UsageError
from pam_edge.files import as_path
from pam_edge.planning.budget import parse_budget
from pam_edge.runtimes.base import Runtime
from pam_edge.runtimes.registry import load_runtime
from pam_edge.toolchains import silenced
from pam_edge.workers import check_threads

if TYPE_CHECKING:
    from pam_edge.converters.base import Selection


@dataclass(frozen=True, slots=True)
class Artifact:
    """One artifact folder.

    Attributes:
        directory: where its files lie.
        manifest: what they are.
    """

    directory: Path
    manifest: Manifest

    @classmethod
    def read(cls, directory: str | Path) -> Artifact:
        """Read a folder's manifest; the files that it names lie in the folder, if they are there at all.

        Raises:
            ArtifactError: if the folder or manifest is missing, damaged or of another schema, or names files elsewhere.
            UsageError: if it is no path at all.
        """
        folder = as_path("directory", directory)
        artifact = cls(folder, read_manifest(folder))
        for file in artifact.named_files():
            inside(folder, file)
        return artifact

    def named_files(self) -> Iterator[str]:
        """Yield the paths of the files and package folders that the manifest names, in the artifact folder."""
        yield from dict.fromkeys(entry.file for entry in self.manifest.entry_points)
        for golden in self.manifest.golden:
            yield from (golden.image, golden.trimap, *golden.alphas.values(), *golden.foregrounds.values())
            yield from (file for file in (golden.mask, golden.previous) if file)
            yield from (path.file for path in golden.paths.values())

    @property
    def selection(self) -> Selection | None:
        """How a graph that chooses does so: the governor's costs and the budget table; None where paths are fixed.

        Raises:
            ArtifactError: if the manifest's table is none.
        """
        if self.manifest.selection is None:
            return None
        from pam_edge.delivery.artifact.selection import selection_of  # here: running a file needs no PyTorch

        try:
            return selection_of(self.manifest.selection)
        except UsageError as error:
            raise ArtifactError(
                f"{self.directory}: the manifest's selection is damaged: {error} Copy the folder again, or convert "
                "again."
            ) from error

    def entry(self, budget: str, size: tuple[int, int] | None = None) -> EntryPointRecord:
        """Return an entry point by its budget as a user writes it, or by that budget's label.

        Args:
            budget: one of the artifact's.
            size: height and width of the image; None takes the first that the artifact was made for.

        Raises:
            UsageError: if there is none for that budget, or that size.
        """
        asked, size = parse_budget(budget), size or self.manifest.sizes[0]
        entries = {parse_budget(entry.budget).label: entry for entry in self.entries_of(size)}
        if asked.label not in entries:
            known = ", ".join(entry.budget for entry in entries.values())
            raise UsageError(
                f"Expected one of the budgets of {self.directory}, {known}; got {asked}. Convert with that budget as "
                "well."
            )
        return entries[asked.label]

    def entries_of(self, size: tuple[int, int]) -> tuple[EntryPointRecord, ...]:
        """Return the entry points for images of a height and width.

        Raises:
            UsageError: if there are none.
        """
        found = tuple(entry for entry in self.manifest.entry_points if entry.size == size)
        if not found:
            known = ", ".join(f"{height}x{width}" for height, width in self.manifest.sizes)
            raise UsageError(
                f"Expected one of the sizes of {self.directory}, {known}; got {size[0]}x{size[1]}. Convert with that "
                "size as well."
            )
        return found

    def file(self, entry: EntryPointRecord) -> Path:
        """Return an entry point's file, or package folder.

        Raises:
            ArtifactError: if it is missing.
        """
        file = self.directory / entry.file
        if not file.exists():
            raise ArtifactError(f"Expected {entry.file} in {self.directory}; it is missing. Copy the folder again.")
        return file

    def is_unchanged(self, entry: EntryPointRecord) -> bool:
        """Return whether an entry point's file is the one that was delivered, by its SHA-256.

        Raises:
            ArtifactError: if it is missing or cannot be read.
        """
        try:
            return content_hash(self.file(entry)) == entry.sha256
        except OSError as error:
            raise ArtifactError(f"{self.file(entry)} cannot be read: {error.strerror}. Copy it again.") from error

    def contradictions(self, entry: EntryPointRecord, runtime: Runtime) -> tuple[str, ...]:
        """Return in what an entry point's file, which the runtime can load, is not what the manifest says.

        Raises:
            ArtifactError: if it is missing or cannot be read.
        """
        found = []
        if not self.is_unchanged(entry):
            found.append("the file's SHA-256 is not the manifest's: it was changed after it was made")
        stored, stated = runtime.precision(self.file(entry)), self.manifest.precision
        if stated not in self.manifest.target.facts.precisions:
            found.append(f"the manifest says {stated}, in which {self.manifest.target.facts.label} files do not come")
        if stored not in (None, stated):
            found.append(f"the file's weights are {stored}, the manifest says {stated}")
        return tuple(found)

    def check_unchanged(self, entry: EntryPointRecord) -> None:
        """Check an entry point's file before native code loads it in this process, which a damaged one can end.

        Raises:
            ArtifactError: if it is missing, or is not what was made.
        """
        if not self.is_unchanged(entry):
            raise ArtifactError(
                f"Expected {self.file(entry)} as it was made; it was changed or damaged since: its SHA-256 is not the "
                "manifest's. Copy the folder again, or convert again."
            )

    def open(self, entry: EntryPointRecord, *, threads: int = 1, runtime: Runtime | None = None) -> Opened:
        """Load an entry point in a runtime, by default the one that proves most here.

        Raises:
            UsageError: if there can be no such number of threads.
            ArtifactError: if the file is missing or damaged, lacks the entry point, or takes another size than the
                manifest says.
            MissingExtraError: if the runtime is not installed.
        """
        check_threads(threads)
        with silenced():
            opened = self._load(entry, runtime or load_runtime(self.manifest.target), threads)
        if (opened.height, opened.width) != entry.size:
            raise ArtifactError(
                f"Expected {entry.name} of {entry.file} to take {entry.height}x{entry.width}, as the manifest says; it "
                f"takes {opened.height}x{opened.width}. They do not belong together: convert again."
            )
        return opened

    def _load(self, entry: EntryPointRecord, runtime: Runtime, threads: int) -> Opened:
        model = runtime.load(self.file(entry), entry.function, entry.tensor_names, threads=threads)
        if entry.path is not None:
            return FixedPath(model, entry.path, entry.predicted_cost)
        assert entry.budget_input is not None, "a manifest that was read states every budget"
        return ChosenPath(model, entry.budget_input, self.manifest.block_count)

    def golden(self, entry: EntryPointRecord) -> tuple[GoldenVector, ...]:
        """Read the golden vectors of an entry point.

        Raises:
            ArtifactError: if there are none, or one is missing or damaged.
        """
        if not any((record.height, record.width) == entry.size for record in self.manifest.golden):
            raise ArtifactError(
                f"Expected golden vectors of {entry.name} in {self.directory}; its manifest names none. Convert again."
            )
        own = [record for record in self.manifest.golden if (record.height, record.width) == entry.size]
        return tuple(read_golden(self.directory, self.manifest, record, entry) for record in own)
