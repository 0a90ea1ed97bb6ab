"""Tables on a narrow terminal: names stay whole, whatever else has to give."""

import ast
import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from pam_edge.cli import main, output
from pam_edge.cli.fitting import fit
from pam_edge.delivery.artifact.manifest import ParityRecord
from pam_edge.device_profiles.loader import list_profiles
from pam_edge.device_profiles.writer import write_profile
from pam_edge.evaluation.evaluate import Evaluation, Row
from pam_edge.evaluation.metrics import Scores
from pam_edge.measuring.bench import Bench, EntryPointTimes
from pam_edge.planning.budget import parse_budget
from pam_edge.runtimes.coreml import supported_ops
from pam_edge.supernet.variants import VARIANTS

WIDTH = 80
BUDGETS = ("aggressive", "83.33333333333%", "61.1111111111111GMAC")
NAMES = ("aggressive", "83_33333333333percent", "61_1111111111111gmac")
PATHS = tuple("01" * 10 + str(number) for number in range(3))
PICTURE = "a rather long name of a picture, with spaces.tiff"


@pytest.fixture
def printed(monkeypatch):
    """Return a function that runs the command line on a terminal of 80 columns; it gives what was printed."""

    def run(*arguments):
        stream = io.StringIO()
        monkeypatch.setattr(output, "console", Console(file=stream, width=WIDTH, markup=False, emoji=False))
        monkeypatch.setattr(sys, "argv", ["pam-edge", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main.run()
        assert not stop.value.code
        return stream.getvalue()

    return run


def verify(monkeypatch, tmp_path, request):
    shared = {"passed": True, "runtime": "litert", "ran_on": "here", "proves": "nothing", "path_mismatches": 0}
    numbers = dict.fromkeys(("max_abs_error", "rms_error_unknown", "sad_change"), 1.23e-5)
    records = [ParityRecord(entry_point=name, images=123, worst_picture=PICTURE, **numbers, **shared) for name in NAMES]
    monkeypatch.setattr("pam_edge.delivery.parity.verify.verify", lambda folder, **options: tuple(records))
    monkeypatch.setattr("pam_edge.delivery.parity.half_range.half_ranges", lambda folder, **options: [])
    return ["verify", "folder"], [*NAMES, PICTURE]


def bench(monkeypatch, tmp_path, request):
    each = [
        EntryPointTimes(name, (path,), 123.4, 234.5, 2**30, 123.4, 12.3)
        for name, path in zip(NAMES, PATHS, strict=True)
    ]
    monkeypatch.setattr("pam_edge.measuring.bench.bench", lambda *_, **__: Bench("here", 9, "none", tuple(each)))
    return ["bench", "folder"], [*NAMES, *PATHS]


def plan(monkeypatch, tmp_path, request):
    percents = [f"{percent}.{'3' * 17}%" for percent in (83, 93)]
    budgets = [f"--budget={each}" for each in ("mild", *percents)]
    return ["plan", "--profile", "iphone13", "--checkpoint", "pam-base", *budgets], [
        parse_budget(each).text for each in percents
    ]


def profile_list(monkeypatch, tmp_path, request):
    long = "a-telephone-with-a-name-that-takes-more-than-half-a-line"
    monkeypatch.setenv("PAM_EDGE_PROFILES", str(tmp_path))
    profile = request.getfixturevalue("measured_profile")
    write_profile(profile.model_copy(update={"name": long, "device": "Phone" * 12}), tmp_path / f"{long}.toml")
    return ["profile", "list"], [each.name for each in list_profiles()]


def profile_show(monkeypatch, tmp_path, request):
    return ["profile", "show", "iphone13", "--variant", "pam-base"], list(VARIANTS["pam-base"].block_names)


def profile_import(monkeypatch, tmp_path, request):
    file = tmp_path / f"{'samples' * 8}.json"
    file.write_text(json.dumps(request.getfixturevalue("simulated_device")().file()))
    return ["profile", "import", file, "-o", tmp_path / "bench.toml"], [file.name]


def evaluate(monkeypatch, tmp_path, request):
    methods = [f"pam-base at {budget}, as its gates choose" for budget in BUDGETS]
    scores = Scores(1234.5, 1234.5, 1234.5, 1234.5)
    found = Evaluation(tuple(Row(name, "a", scores, 0.5, 0.5, True, "hair") for name in methods), ())
    monkeypatch.setattr("pam_edge.evaluation.datasets.find_cases", lambda *_: [])
    monkeypatch.setattr("pam_edge.evaluation.methods.methods_for", lambda *_, **__: {})
    monkeypatch.setattr("pam_edge.learning.launch.evaluate_with", lambda *_: found)
    return ["evaluate", "folder"], [*BUDGETS, "pam-base"]


def doctor(monkeypatch, tmp_path, request):
    return ["doctor", "--coreml-ops"], [row.name for row in supported_ops()]


COMMANDS = (verify, bench, plan, profile_list, profile_show, profile_import, evaluate, doctor)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_no_name_in_a_table_is_broken_at_80_columns(printed, monkeypatch, tmp_path, request, command):
    arguments, names = command(monkeypatch, tmp_path, request)
    text = printed(*arguments)
    assert [name for name in names if name not in text] == []


def frames(text):
    """Return the widths of the tables in a text."""
    return {len(line.rstrip()) for line in text.splitlines() if line.startswith(("┏", "┡", "└"))}


@pytest.mark.parametrize("command", [verify, bench, plan, profile_show], ids=lambda command: command.__name__)
def test_tables_of_usual_names_fit_into_80_columns(printed, monkeypatch, tmp_path, request, command):
    monkeypatch.setattr("tests.cli.test_tables.NAMES", ("mild", "moderate", "aggressive"))
    monkeypatch.setattr("tests.cli.test_tables.PATHS", ("11111111111",) * 3)
    monkeypatch.setattr("tests.cli.test_tables.PICTURE", "elephant")
    arguments, _ = command(monkeypatch, tmp_path, request)
    arguments = [argument for argument in arguments if not argument.startswith("--budget")]
    assert max(frames(printed(*arguments))) <= WIDTH


def test_a_table_of_words_goes_over_lines_and_one_of_names_beyond_the_width():
    stream = io.StringIO()
    console = Console(file=stream, width=40, markup=False)
    table = Table("a name", "what it is")
    table.add_row("x" * 30, "several words which have to wrap")
    fit(table, console)
    assert table.width == 30 + len("several") + len("|  |  |")
    console.print(table, crop=False)
    lines = stream.getvalue().splitlines()
    row = next(number for number, line in enumerate(lines) if "x" * 30 in line)
    assert "several" in lines[row] and "words" in lines[row + 1]


def test_tables_are_printed_in_one_place():
    """The rule of widths stands there. ``convert`` sets its own table's."""
    printing = {
        file.name
        for file in Path(main.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "print" and getattr(node.value, "id", None) == "console"
    }
    assert printing == {"output.py", "convert.py"}
