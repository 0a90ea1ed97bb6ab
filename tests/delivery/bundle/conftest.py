"""Every test here packages with stand-ins for the platforms' libraries, unless it puts back the real ones."""

import pytest

from pam_edge.delivery.bundle import library, page
from tests.stand_ins import write_libraries


@pytest.fixture(autouse=True)
def libraries(tmp_path, monkeypatch):
    """Put stand-ins in the place of ``runtimes/``, and a cache of one's own in that of the user's."""
    folder = write_libraries(tmp_path / "runtimes")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for module in (library, page):
        monkeypatch.setattr(module, "RUNTIMES", folder)
    return folder
