"""How commands end: a shell can tell a check that failed from wrong use, and both from a fault of ours."""

import json
import sys
from pathlib import Path

import pytest

from pam_edge import errors
from pam_edge.cli import main
from pam_edge.cli.failures import EXIT_CODES
from pam_edge.workers import run_in_worker

FAILURES = {
    errors.ParityError("parity"): 1,
    errors.ConversionError("converter"): 1,
    errors.UnsupportedOpError("operator"): 1,
    errors.WorkerError("crash"): 1,
    errors.UsageError("usage"): 2,
    errors.BudgetError("budget"): 2,
    errors.CheckpointError("checkpoint"): 2,
    errors.ProfileError("profile"): 2,
    errors.MissingExtraError("extra"): 2,
    errors.ArtifactError("artifact"): 2,
    FileNotFoundError(2, "No such file or directory", "a.json"): 2,
    PermissionError(13, "Permission denied", "a.json"): 2,
    OSError(28, "No space left on device", "a.json"): 2,
    OSError(28, "No space left on device"): 2,
    OSError(27, "File too large"): 2,
    IsADirectoryError(21, "Is a directory", "a.json"): 2,
    errors.InternalError("a worker failed: KeyError('x')"): 3,
    OSError("without a name"): 3,
    ValueError("two\nlines"): 3,
    KeyError("alpha"): 3,
    AssertionError(): 3,
    RecursionError("too deep"): 3,
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"): 3,
    ZeroDivisionError("division by zero"): 3,
}


@pytest.fixture
def fail(monkeypatch, capsys):
    """Return a function that runs a command whose library function fails; it gives exit code, stdout and stderr."""

    def run(error, *options):
        def raising(directory):
            raise error

        monkeypatch.setattr("pam_edge.delivery.inspect.inspect", raising)
        monkeypatch.setattr(sys, "argv", ["pam-edge", "inspect", "somewhere", *options])
        with pytest.raises(SystemExit) as stop:
            main.run()
        return int(stop.value.code), *capsys.readouterr()

    return run


def test_every_error_of_ours_has_its_exit_code():
    own = {value for value in vars(errors).values() if isinstance(value, type)} - {errors.PamEdgeError}
    assert own == {type(error) for error in FAILURES if isinstance(error, errors.PamEdgeError)}


@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_a_failure_ends_with_its_exit_code_and_one_paragraph(fail, error):
    code, out, err = fail(error)
    assert code == FAILURES[error]
    assert out == ""
    assert err.startswith("Error: ") and len(err.splitlines()) == 1
    assert ("a fault of pam-edge" in err) == (code == 3)
    assert ("--debug" in err) == (code == 3)
    assert "standard output" not in err


@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_scripts_read_a_failure_as_json(fail, error):
    code, out, err = fail(error, "--json")
    found = json.loads(out)
    assert found["error"] in err
    assert found["kind"] == ("InternalError" if code == 3 else type(error).__name__)


@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_debug_adds_the_traceback_and_keeps_the_exit_code(fail, error):
    code, _, err = fail(error, "--debug")
    assert code == FAILURES[error]
    assert "Traceback" in err
    assert "in raising" in err
    assert "Error: " in err.splitlines()[-1]


def test_what_nobody_foresaw_in_a_worker_is_a_fault_of_ours_with_its_traceback():
    with pytest.raises(errors.InternalError) as error:
        run_in_worker("pam_edge.delivery.inspect:inspect_in_worker", {})
    assert str(error.value) == "pam_edge.delivery.inspect:inspect_in_worker failed: KeyError('directory')"
    assert "Traceback" in error.value.__notes__[0]


COMMANDS = ("convert", "verify", "matte", "plan", "bench", "inspect", "doctor", "demo", "train", "prior", "evaluate")
OF_PROFILES = ("", " list", " show", " measure", " import", " kit", " operators")


@pytest.mark.parametrize("command", ["", *COMMANDS, *(f"profile{name}" for name in OF_PROFILES)])
def test_help_tells_the_exit_codes(monkeypatch, capsys, command):
    monkeypatch.setattr(sys, "argv", ["pam-edge", *command.split(), "--help"])
    with pytest.raises(SystemExit):
        main.run()
    assert EXIT_CODES in " ".join(capsys.readouterr().out.split())


def test_the_readme_tells_the_exit_codes():
    text = " ".join((Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split())
    assert EXIT_CODES in text


@pytest.mark.parametrize("place", [".", "..", "inside/.."])
def test_a_kit_is_not_written_over_the_folder_that_one_is_in(monkeypatch, capsys, tmp_path, place):
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    options = ["--target", "tflite", "--checkpoint", "pam-minute", "-o", place]
    monkeypatch.setattr(sys, "argv", ["pam-edge", "profile", "kit", *options])
    with pytest.raises(SystemExit) as stop:
        main.run()
    assert stop.value.code == 2
    assert "-o" in capsys.readouterr().err
    assert [each.name for each in tmp_path.rglob("*")] == ["inside"]
