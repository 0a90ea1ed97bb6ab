"""The web page is built once for its sources, by a stand-in for npm here, and a build that fails leaves nothing."""

import os
import shutil
import sys

import pytest

from pam_edge.delivery.bundle.page import page_folder
from pam_edge.errors import ConversionError, MissingExtraError

NPM = """#!{python}
import pathlib, sys
here = pathlib.Path.cwd()
with open({log!r}, "a") as log:
    print(*sys.argv[1:], sorted(path.name for path in here.iterdir()), file=log)
{then}
"""
WORKS = """
if "build" in sys.argv:
    (here / "dist").mkdir()
    (here / "dist" / "index.html").write_text((here / "src" / "index.ts").read_text())
"""


@pytest.fixture
def programs(tmp_path, monkeypatch, libraries):
    """Put stand-ins for node and npm before all others, or instead of them; the sources' own build is gone."""
    shutil.rmtree(libraries / "web" / "dist")
    folder, log = tmp_path / "bin", tmp_path / "npm.log"
    folder.mkdir()
    log.touch()

    def put(then=WORKS, node="v20.1.0", alone=False):
        monkeypatch.setenv("PATH", str(folder) if alone else f"{folder}{os.pathsep}{os.environ['PATH']}")
        texts = {"npm": NPM.format(python=sys.executable, log=str(log), then=then), "node": f"#!/bin/sh\necho {node}\n"}
        for name, text in texts.items():
            if not alone:
                (folder / name).write_text(text)
                (folder / name).chmod(0o755)
        return log

    return put


def kept(tmp_path):
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_page_that_was_built_where_its_sources_are_is_taken(libraries):
    assert page_folder() == libraries / "web" / "dist"


def test_a_page_older_than_its_sources_is_built_anew(programs, libraries, tmp_path):
    old = libraries / "web" / "dist" / "index.html"
    old.parent.mkdir()
    old.write_text("old")
    os.utime(old, (1, 1))
    programs()
    assert page_folder().is_relative_to(tmp_path / "cache")


def test_a_page_is_built_once_for_its_sources(programs, libraries):
    log = programs()
    first = page_folder()
    assert (first / "index.html").read_text() == "export {};\n"
    assert page_folder() == first
    assert [line.split(" [")[0] for line in log.read_text().splitlines()] == [
        "ci --ignore-scripts --no-audit --no-fund",
        "run build",
    ]
    (libraries / "web" / "src" / "index.ts").write_text("export const changed = true;\n")
    assert page_folder() != first


def test_a_build_that_fails_says_why_and_leaves_nothing(programs, tmp_path):
    programs("print('index.ts: expected ;', file=sys.stderr); sys.exit(2)")
    with pytest.raises(
        ConversionError,
        match=r"npm ci --ignore-scripts --no-audit --no-fund .* ended with 2: index.ts: expected ;. Try",
    ):
        page_folder()
    assert kept(tmp_path) == []


def test_a_build_without_a_network_says_so(programs, tmp_path):
    programs("print('npm error code EAI_AGAIN'); sys.exit(1)")
    with pytest.raises(ConversionError, match="npm reaches no registry: connect this machine once"):
        page_folder()
    assert kept(tmp_path) == []


def test_a_build_that_takes_too_long_is_stopped(programs, tmp_path, monkeypatch):
    from pam_edge.delivery.bundle import page

    monkeypatch.setattr(page, "_TIMEOUT_S", 1.5)
    programs("import time; time.sleep(60)")
    with pytest.raises(ConversionError, match="did not finish within"):
        page_folder()
    assert kept(tmp_path) == []


def test_a_build_that_writes_no_page_is_told(programs):
    programs("pass")
    with pytest.raises(ConversionError, match=r"write dist/index.html; it did not"):
        page_folder()


def test_a_machine_without_node_is_told(programs):
    programs(alone=True)
    with pytest.raises(MissingExtraError, match=r"takes Node.js 20 or newer, with npm; there is no node here"):
        page_folder()


def test_a_node_that_is_too_old_is_told(programs):
    programs(node="v18.19.0")
    with pytest.raises(MissingExtraError, match=r"found v18.19.0. Update it"):
        page_folder()
