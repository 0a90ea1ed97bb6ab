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
@pytest.mark.parametrize("arguments", [["profile", "list"], ["plan", "--target", "tflite"], ["inspect", "nowhere"]])
def test_a_full_disk_is_told_in_a_paragraph(arguments, more):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, *arguments, *more], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Error: " in done.stderr
    if arguments != ["inspect", "nowhere"]:  # which has another error to tell
        assert "No space left" in done.stderr


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
