"""pytest plugin: ``pytest --pam-artifacts DIR`` tests every entry point of every artifact folder in DIR.

Each entry point is one test item, named ``FOLDER::ENTRY``. One that cannot be run here is reported as skipped, with
the reason; it never counts as passed. A folder that cannot be read is one item, ``FOLDER::manifest.json``, that fails.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    group = parser.getgroup("pam-edge")
    group.addoption("--pam-artifacts", metavar="DIR", help="check the parity of all artifact folders in DIR")
    group.addoption("--pam-images", metavar="DIR", help="judge on these pictures instead of the bundled ones")


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add one item per entry point."""
    root = config.getoption("--pam-artifacts")
    if root is None:
        return
    manifests = sorted(Path(root).rglob("manifest.json"))
    if not manifests:
        raise pytest.UsageError(f"--pam-artifacts: expected artifact folders in {root}; found no manifest.json.")
    images = config.getoption("--pam-images")
    for file in manifests:
        folder = _Folder.from_parent(session, name=file.parent.name, directory=file.parent, images=images)
        items.extend(folder.collect())


class _Folder(pytest.Collector):
    """One artifact folder; verified once, when its first entry point is tested."""

    def __init__(self, *, directory: Path, images: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.directory, self.images = directory, images
        self._records: dict[str, list[Any]] | None = None

    def collect(self) -> list[pytest.Item]:
        from pam_edge.delivery.artifact.artifact import Artifact
        from pam_edge.errors import ArtifactError

        try:
            entries = Artifact.read(self.directory).manifest.entry_points
        except ArtifactError as error:
            return [_Unreadable.from_parent(self, name="manifest.json", error=error)]
        return [_EntryPoint.from_parent(self, name=entry.name) for entry in entries]

    def records(self, entry_point: str) -> list[Any]:
        """Return an entry point's records, one per runtime."""
        from pam_edge.delivery.parity.verify import verify

        if self._records is None:
            found: dict[str, list[Any]] = {}
            for record in verify(self.directory, images=Path(self.images) if self.images else None):
                found.setdefault(record.entry_point, []).append(record)
            self._records = found
        return self._records[entry_point]


class _Item(pytest.Item):
    """Something of a folder; what pam-edge says about it needs no traceback."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from pam_edge.errors import PamEdgeError

        return str(excinfo.value) if isinstance(excinfo.value, PamEdgeError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        assert isinstance(self.parent, _Folder)
        return self.parent.directory, None, f"parity of {self.parent.name}::{self.name}"


class _Unreadable(_Item):
    def __init__(self, *, error: Exception, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.error = error

    def runtest(self) -> None:
        raise self.error


class _EntryPoint(_Item):
    def runtest(self) -> None:
        from pam_edge.delivery.parity.verify import describe_failure
        from pam_edge.errors import ParityError

        assert isinstance(self.parent, _Folder)
        records = self.parent.records(self.name)
        failed = [record for record in records if record.passed is False]
        if failed:
            raise ParityError(describe_failure(self.parent.name, failed))
        if all(record.passed is None for record in records):
            pytest.skip(records[0].reason)
