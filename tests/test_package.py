"""What is on disk is what gets installed, and core stays free of toolchains."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def settings():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_package_on_disk_is_listed():
    on_disk = set()
    for name, folder in settings()["package-dir"].items():
        for init in (ROOT / folder).rglob("__init__.py"):
            parts = init.parent.relative_to(ROOT / folder).parts
            on_disk.add(".".join((name, *parts)))
    assert on_disk == set(settings()["packages"])


@pytest.mark.parametrize(
    "module", ["pam_edge.delivery.convert", "pam_edge.delivery.open_model", "pam_edge.planning.planner"]
)
def test_core_imports_no_toolchain(module):
    code = (
        f"import sys, {module}\n"
        "print(sorted({'coremltools', 'executorch', 'litert_torch', 'ai_edge_litert', 'coreai'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_executorch_runs_files_without_its_compiler_and_has_it_when_it_is_asked_for():
    code = (
        "import sys, pam_edge.runtimes.executorch.runtime\n"
        "before = [name for name in sys.modules if name.startswith('executorch.exir')]\n"
        "import executorch.exir; print(before, callable(executorch.exir.to_edge))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "True"]


def test_no_absolute_path_of_a_machine_is_in_the_sources():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    texts = [ROOT / name for name in tracked if name.endswith((".py", ".md", ".toml", ".txt", "Makefile"))]
    assert texts
    for file in texts:
        assert str(ROOT) not in file.read_text(), file
