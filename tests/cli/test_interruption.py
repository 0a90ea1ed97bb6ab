"""A command that is interrupted stops at once, says so, and leaves nothing behind but what it said it keeps."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from pam_edge.targets import Target

PATIENCE_S = 20
"""Two seconds are promised on an idle machine, of which Python takes most to leave; a busy machine gets more."""
_COMES_WITHIN_S = 400

if not Path("/proc/self/cmdline").exists():
    pytest.skip("looks for processes in /proc", allow_module_level=True)


class Command:
    """A running command whose temporary files, cache and output lie in one folder."""

    def __init__(self, folder, *arguments, program=("-m", "pam_edge.cli")):
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        places = {
            "TMPDIR": self.temporary,
            "XDG_CACHE_HOME": folder / "cache",
            "TORCHINDUCTOR_CACHE_DIR": folder / "cache",  # which PyTorch makes when it is loaded
            "PAM_EDGE_PROFILES": folder / "profiles",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-P", *program, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {name: str(place) for name, place in places.items()},
            start_new_session=True,
        )

    def workers(self):
        """Return processes whose command line names this command's temporary folder."""
        found = []
        for each in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = each.read_bytes()
            except OSError:
                continue
            if str(self.temporary).encode() in words:
                found.append(int(each.parent.name))
        return found

    def has_loaded(self, library):
        return library in Path(f"/proc/{self.process.pid}/maps").read_text()

    def wait_until(self, condition):
        deadline = time.monotonic() + _COMES_WITHIN_S
        while not condition(self):
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "it never came to that"
            time.sleep(0.01)

    def interrupt(self, number=signal.SIGINT, *, times=1, group=False):
        """Send a signal; return the exit code, what was printed, and how long it took to end."""
        started = time.monotonic()
        for _ in range(times):
            (os.killpg if group else os.kill)(self.process.pid, number)
            time.sleep(0.02 * (times > 1))
        out, err = self.process.communicate(timeout=_COMES_WITHIN_S)
        return self.process.returncode, out, err, time.monotonic() - started


def assert_nothing_is_left(command):
    assert command.workers() == []
    assert list(command.temporary.iterdir()) == []


def staged(pattern):
    return lambda command: list(command.folder.glob(f"out/.*partial*/{pattern}"))


def loading(name, *, in_callback):
    """Return a program that runs a command, and interrupts itself as it begins to import a module."""
    interrupt = "weakref.ref(At(), lambda _: os.kill(os.getpid(), 2))" if in_callback else "os.kill(os.getpid(), 2)"
    return f"""
import _weakref as weakref, os, sys
class At:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            kept = {interrupt}
sys.meta_path.insert(0, At())
sys.argv = ["pam-edge", "--version"]
from pam_edge.cli.__main__ import run
run()
"""


@pytest.mark.parametrize(
    ("name", "in_callback"),
    [("signal", False), *((name, each) for name in ("pam_edge.cli.main", "typer", "rich") for each in (False, True))],
)
def test_a_command_that_is_interrupted_while_it_loads_says_so(name, in_callback):
    program = [sys.executable, "-P", "-c", loading(name, in_callback=in_callback)]
    done = subprocess.run(program, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Interrupted.\n")


def test_next_to_nothing_is_imported_before_an_interruption_is_handled():
    """Till then it shows where Python was."""
    program = "import sys; known = set(sys.modules); import pam_edge.cli.__main__; print(*set(sys.modules) - known)"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split()) - {"__future__"}  # an editable install has loaded it already
    assert imported == {"pam_edge", "pam_edge.cli", "pam_edge.cli.__main__"}


MOMENTS = {
    "while it plans": lambda command: command.has_loaded("libtorch_cpu"),
    "as the worker starts": Command.workers,
    "while it converts": staged(""),
    "while it checks": staged("*.tflite"),
    "while it writes the report": staged("golden"),
}
CONVERT = [
    *("convert", "--target", "tflite", "--checkpoint", "pam-minute"),
    *("--size", "64", "--budget", "100%", "--out"),
]


@pytest.mark.parametrize(
    ("moment", "group"),
    [
        ("while it plans", True),
        pytest.param("as the worker starts", False, marks=pytest.mark.slow),
        ("while it converts", True),
        pytest.param("while it checks", False, marks=pytest.mark.slow),
        pytest.param("while it writes the report", True, marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_conversion_stops_at_once_and_writes_nothing(tmp_path, moment, group):
    command = Command(tmp_path, *CONVERT, tmp_path / "out")
    command.wait_until(MOMENTS[moment])
    code, out, err, seconds = command.interrupt(group=group)
    assert code == 130
    assert "Interrupted." in err
    assert moment == "while it plans" or "Nothing was written." in err
    assert "Traceback" not in err
    assert out == ""
    assert seconds < PATIENCE_S
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
    assert_nothing_is_left(command)


@pytest.mark.parametrize(
    ("number", "times", "expected"),
    [
        pytest.param(signal.SIGTERM, 1, 143, marks=pytest.mark.slow),
        (signal.SIGINT, 5, 130),
        pytest.param(signal.SIGTERM, 5, 143, marks=pytest.mark.slow),
    ],
)
def test_the_system_may_stop_a_conversion_and_an_impatient_user_may_insist(tmp_path, number, times, expected):
    command = Command(tmp_path, *CONVERT, tmp_path / "out", "--json")
    command.wait_until(MOMENTS["while it converts"])
    code, out, err, seconds = command.interrupt(number, times=times)
    assert code == expected
    assert "Nothing was written." in out
    assert "Nothing was written." in err
    assert "Traceback" not in err
    assert seconds < PATIENCE_S
    assert list((tmp_path / "out").iterdir()) == []
    assert_nothing_is_left(command)


@pytest.mark.slow
def test_an_interrupted_conversion_of_several_targets_says_what_it_wrote_before(tmp_path):
    everything = ["all" if word == "tflite" else word for word in CONVERT]
    command = Command(tmp_path, *everything, tmp_path / "out")

    def visible(command):
        return [folder for folder in command.folder.glob("out/*") if not folder.name.startswith(".")]

    command.wait_until(visible)
    code, _, err, _ = command.interrupt()
    assert code == 130
    assert "Written before:" in err
    assert all(str(folder) in err for folder in visible(command))
    assert list(tmp_path.glob("out/.*")) == []
    assert_nothing_is_left(command)


def test_a_program_that_converts_is_interrupted_as_python_programs_are(tmp_path):
    program = (
        "import sys; from pathlib import Path; from pam_edge.cli.convert import convert\n"
        "convert('tflite', checkpoint='pam-minute', size=['64'], out=Path(sys.argv[1]))"
    )
    command = Command(tmp_path, tmp_path / "out", program=("-c", program))
    command.wait_until(MOMENTS["while it converts"])
    code, _, err, seconds = command.interrupt()
    assert code != 0  # which one is Python's own affair
    assert err.rstrip().splitlines()[-2:] == ["KeyboardInterrupt", "Nothing was written."]
    assert seconds < PATIENCE_S
    assert list((tmp_path / "out").iterdir()) == []
    assert_nothing_is_left(command)


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (Command.workers, signal.SIGTERM),
        pytest.param(lambda command: list(command.folder.rglob("rounds.jsonl")), signal.SIGINT, marks=pytest.mark.slow),
    ],
    ids=["while it makes the probe", "while it takes times"],
)
def test_an_interrupted_measurement_stops_at_once_and_says_that_it_goes_on(tmp_path, moment, number):
    command = Command(
        tmp_path, "profile", "measure", "--target", "tflite", "--checkpoint", "pam-minute", "--size", "64"
    )
    command.wait_until(moment)
    code, _, err, seconds = command.interrupt(number)
    assert code == 128 + number
    assert "Interrupted. The same command goes on" in err
    assert "Traceback" not in err
    assert seconds < PATIENCE_S
    assert not (tmp_path / "profiles").exists()
    assert_nothing_is_left(command)


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (["verify"], signal.SIGINT),
        (["bench", "--seconds", "60"], signal.SIGINT),
        (["inspect"], signal.SIGTERM),
    ],
    ids=["verify", "bench", "inspect"],
)
def test_commands_that_run_an_artifact_stop_at_once(tmp_path, static_artifacts, arguments, number):
    name, *options = arguments
    command = Command(tmp_path, name, static_artifacts[Target.TFLITE].directory, *options)
    command.wait_until(Command.workers)
    code, out, err, seconds = command.interrupt(number)
    assert code == 128 + number
    assert "Interrupted." in err
    assert "Traceback" not in err
    assert out == ""
    assert seconds < PATIENCE_S
    assert_nothing_is_left(command)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_matting_stops_at_once_and_writes_nothing(tmp_path, number):
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((1600, 1600, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "trimap.png"), np.full((1600, 1600), 128, np.uint8))
    files = ["--trimap", tmp_path / "trimap.png", "-o", tmp_path / "cut.png", "--model", "pam-base"]
    command = Command(tmp_path, "matte", tmp_path / "photo.png", *files)
    command.wait_until(lambda command: command.has_loaded("libtorch_cpu"))
    time.sleep(2)
    code, _, err, seconds = command.interrupt(number)
    assert code == 128 + number
    assert "Interrupted. Nothing was written." in err
    assert "Traceback" not in err
    assert seconds < PATIENCE_S
    assert not (tmp_path / "cut.png").exists()
    assert_nothing_is_left(command)
