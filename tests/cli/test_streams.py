"""Where a command's words go, and what becomes of it when they cannot go there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-P", "-m", "pam_edge.cli"]

if not Path("/dev/full").exists():
    pytest.skip("needs a file that is always full", allow_module_level=True)


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["people", "scripts"])
@pytest.mark.parametrize(
    "arguments",
    [["profile", "list"], ["plan", "--target", "tflite"], ["plan", "--help"], ["inspect", "nowhere"], ["nope"]],
)
def test_a_full_disk_is_told_in_a_paragraph(arguments, more):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, *arguments, *more], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Error" in done.stderr
    if arguments not in (["inspect", "nowhere"], ["nope"]):  # which have another error to tell
        assert "No space left" in done.stderr and "standard output" in done.stderr


def shell(command, **more):
    return subprocess.run(["sh", "-c", f'exec "$@" {command}', "sh", *COMMAND, *more.pop("arguments")], **more)


@pytest.mark.parametrize("arguments", [["doctor"], ["nope", "--json"], ["--version"], ["profile", "list", "--json"]])
def test_a_closed_standard_output_is_told_in_a_line_before_any_work(arguments):
    done = shell(">&-", arguments=arguments, stderr=subprocess.PIPE, text=True, timeout=20)
    assert done.returncode == 2
    assert done.stderr == (
        "Error: Expected a standard output to print to; it is closed. Send it to a file, or to /dev/null.\n"
    )


@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(("arguments", "code"), [(["profile", "list", "--json"], 0), (["nope", "--json"], 2)])
def test_a_command_ends_as_it_would_where_nothing_can_be_said_beside_its_results(stderr, arguments, code):
    done = shell(stderr, arguments=arguments, stdout=subprocess.PIPE, text=True)
    assert done.returncode == code
    assert json.loads(done.stdout)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_stream_that_is_for_reading_takes_nothing(unbuffered):
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = shell("1</dev/null", arguments=["profile", "list"], stderr=subprocess.PIPE, text=True, env=environment)
    assert done.returncode == 2
    assert "Bad file descriptor" in done.stderr and "standard output" in done.stderr


def test_an_interruption_stays_one_where_it_cannot_be_printed():
    program = (
        "import os, signal, sys; from pam_edge.cli import main\n"
        "main.app = lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.argv = ['pam-edge', 'doctor', '--json']; main.run()"
    )
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-P", "-c", program], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (143, "Interrupted.\n")


def test_a_reader_that_has_gone_ends_a_command_without_a_word():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*COMMAND, "profile", "list"], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["convert", "--json"], "--target"),
        (["plan", "--json", "--nope"], "--nope"),
        (["nope", "--json"], "nope"),
        (["plan", "--json", "--profile", ""], "--profile"),
        (["matte", "a.png", "--model=", "--json"], "--model"),
        (["verify", "", "--json"], "argument"),
    ],
)
def test_wrong_use_is_one_json_object_for_scripts(arguments, word):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert word in json.loads(done.stdout)["error"]
    assert word in done.stderr
