"""The house stays in order: dependencies point one way, decisions stand in one place, a target is one record."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import pam_edge
from pam_edge.converters.registry import CONVERTERS
from pam_edge.runtimes.registry import RUNTIMES
from pam_edge.targets import FACTS, Target

ROOT = Path(__file__).parents[1]
TOP = ("converters", "runtimes", "device_profiles")
CORE = sorted((ROOT / "pam_edge").rglob("*.py"))
SOURCES = CORE + [file for folder in TOP for file in sorted((ROOT / folder).rglob("*.py"))]


def room(file: Path) -> str:
    """Return the folder that a file belongs to; a file of the root is a room of its own."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return parts[0] if parts[0] in TOP else parts[1]


def imported_rooms(file: Path):
    """Yield the rooms that a file imports as it loads; what a function imports, it does not depend on."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pam_edge."):
            yield (node.module or "").split(".")[1]


def uses(files, name: str) -> set[str]:
    """Return the files that call something by this name."""
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            if name in (getattr(called, "id", None), getattr(called, "attr", None)):
                found.add(str(file.relative_to(ROOT)))
    return found


def test_rooms_depend_on_each_other_in_one_direction():
    graph: dict[str, set[str]] = {}
    for file in SOURCES:
        graph.setdefault(room(file), set()).update(other for other in imported_rooms(file) if other != room(file))
    TopologicalSorter(graph).prepare()  # raises CycleError, naming the cycle


def test_the_core_names_no_target_outside_of_its_record():
    named = {
        f"{file.relative_to(ROOT)}: Target.{node.attr}"
        for file in CORE
        if file.name != "targets.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) == "Target" and node.attr.isupper()
    }
    assert named == set()


@pytest.mark.parametrize("kept", [FACTS, CONVERTERS, RUNTIMES], ids=["facts", "converters", "runtimes"])
def test_every_target_has_its_record_and_its_two_lines(kept):
    assert set(kept) == set(Target)


def test_no_target_is_named_in_text_where_its_record_should_be_asked():
    names = {str(target) for target in Target}
    compared = {
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in CORE
        if file.name != "targets.py" and "kits" not in file.parts
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Compare)
        and any(isinstance(side, ast.Constant) and side.value in names for side in (node.left, *node.comparators))
    }
    assert compared == set()


def test_a_path_is_planned_in_one_place():
    assert uses(SOURCES, "plan_path") == {"pam_edge/planning/service.py"}
    assert uses(SOURCES, "ErrorTable") == set()


def names_of(call: ast.Call) -> set[str]:
    """Return the last names of a call's arguments: ``runs`` of ``path.runs``."""
    return {getattr(each, "attr", getattr(each, "id", "")) for each in call.args}


def test_costs_are_summed_along_a_path_in_one_place():
    summing = {
        str(file.relative_to(ROOT))
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "zip"
        if "runs" in names_of(node) and {"run", "bypass", "run_ms", "bypass_ms"} & names_of(node)
    }
    assert summing == {"pam_edge/supernet/additive_cost.py"}


def test_the_public_api_is_what_it_says():
    assert (
        pam_edge.__all__
        == sorted(pam_edge.__all__)
        == [
            "PamEdgeError",
            "assert_parity",
            "convert",
            "load_checkpoint",
            "load_profile",
            "matte",
            "open_artifact",
            "plan",
            "verify",
        ]
    )
    assert all(getattr(pam_edge, name).__doc__ for name in pam_edge.__all__)
    assert set(pam_edge._PLACES) == set(pam_edge.__all__)


def test_what_the_public_api_lacks_is_named():
    with pytest.raises(AttributeError, match="no attribute 'train'; it offers PamEdgeError, assert_parity"):
        pam_edge.train  # noqa: B018


def test_the_public_api_stands_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    assert [name for name in pam_edge.__all__ if f"pam_edge.{name}" not in readme] == []
