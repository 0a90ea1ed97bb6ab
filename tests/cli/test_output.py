"""What commands print: users' own names as they are, in any encoding, and nothing else where a script reads."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from pam_edge.cli import main, output
from pam_edge.device_profiles.writer import write_profile
from pam_edge.targets import Target

CLI = Path(main.__file__).parent
ODD = "a[b]c [red]x :warning: [bold]"
"""A folder's name that rich would read as markup and as an emoji, were it let."""


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """Return a folder with a name of that kind, in which commands run."""
    folder = tmp_path / "here" / ODD
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder.parent)
    return folder.relative_to(folder.parent)


@pytest.fixture
def pam_edge(monkeypatch):
    """Return a function that runs the command line in one encoding; it gives exit code, stdout and stderr."""

    def run(*arguments, encoding="utf-8"):
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)]
        monkeypatch.setattr(sys, "stdout", streams[0])
        monkeypatch.setattr(sys, "stderr", streams[1])
        monkeypatch.setattr(sys, "argv", ["pam-edge", *map(str, arguments)])
        code = 0
        try:
            main.run()
        except SystemExit as stop:
            code = int(stop.code or 0)
        printed = [stream.buffer.getvalue().decode(encoding) for stream in streams]
        monkeypatch.undo()
        return code, *printed

    return run


def artifact(odd, static_artifacts):
    shutil.copytree(static_artifacts[Target.TFLITE].directory, odd, dirs_exist_ok=True)


def a_profile(odd, measured_profile, **texts):
    profile = measured_profile.model_copy(update={"name": "bench", "device": f"Phone {ODD}", **texts})
    write_profile(profile, odd / "bench.toml")


def inspect(odd, request):
    artifact(odd, request.getfixturevalue("static_artifacts"))
    return ["inspect", odd], []


def verify(odd, request):
    artifact(odd, request.getfixturevalue("static_artifacts"))
    return ["verify", odd, "--images", pictures(odd)], []


def pictures(odd):
    folder = odd / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "photo.png"), np.full((64, 64, 3), 120, np.uint8))
    cv2.imwrite(str(folder / "photo.trimap.png"), np.full((64, 64), 128, np.uint8))
    return folder


def matte(odd, request):
    folder = pictures(odd)
    files = [folder / "photo.png", "--trimap", folder / "photo.trimap.png", "-o", odd / "out.png"]
    return ["matte", *files, "--model", "pam-minute"], [str(odd / "out.png")]


def convert(odd, request):
    options = ["--target", "tflite", "--checkpoint", "pam-minute", "--size", "64", "--budget", "80%"]
    return ["convert", *options, "--out", odd], [f"{odd}{os.sep}"]


def bench(odd, request):
    artifact(odd, request.getfixturevalue("static_artifacts"))
    return ["bench", odd, "--seconds", "0.1"], [f"{odd}, "]


def plan(odd, request):
    a_profile(odd, request.getfixturevalue("measured_profile"))
    options = ["--checkpoint", "pam-minute", "--target", "tflite", "--precision", "fp32", "--size", "512"]
    return ["plan", "--profile", odd / "bench.toml", *options, "--plot", odd / "p.png"], [str(odd / "p.png")]


def profile_list(odd, request):
    a_profile(odd, request.getfixturevalue("measured_profile"))
    request.getfixturevalue("monkeypatch").setenv("PAM_EDGE_PROFILES", str(odd))
    (odd / "broken[red].toml").write_text("what is this")
    return ["profile", "list"], []


def profile_show(odd, request):
    a_profile(odd, request.getfixturevalue("measured_profile"))
    return ["profile", "show", odd / "bench.toml"], [f"Phone {ODD}"]


def doctor(odd, request):
    return ["doctor"], []


def a_missing_artifact(odd, request):
    return ["inspect", odd / "none"], [str(odd / "none")]


def a_missing_profile(odd, request):
    return ["plan", "--profile", odd / "none.toml"], [str(odd / "none.toml")]


def a_missing_checkpoint(odd, request):
    return ["convert", "--target", "tflite", "--checkpoint", odd / "none.safetensors"], [str(odd / "none.safetensors")]


def a_missing_recipe(odd, request):
    return ["train", "--config", odd / "none.toml", "--out", odd], [str(odd / "none.toml")]


def a_missing_picture(odd, request):
    return ["matte", odd / "none.png", "--trimap", odd / "none.png", "-o", odd / "out.png"], [str(odd / "none.png")]


def a_missing_test_set(odd, request):
    return ["evaluate", odd / "none"], [str(odd / "none")]


def missing_samples(odd, request):
    return ["profile", "import", odd / "none.json"], [str(odd / "none.json")]


def a_place_for_a_prior(odd, request):
    return ["prior", "--checkpoint", "pam-minute", "--out", odd], [str(odd)]


def a_wrong_choice(odd, request):
    return ["convert", "--target", ODD], [ODD]


def a_wrong_command(odd, request):
    return ["[red]x"], ["[red]x"]


def a_kit_in_a_full_folder(odd, request):
    (odd / "file").write_text("here")
    return ["profile", "kit", "--target", "tflite", "--checkpoint", "pam-minute", "-o", odd], [str(odd)]


COMMANDS = {
    0: [inspect, matte, plan, profile_list, profile_show],
    2: [
        a_missing_artifact,
        a_missing_profile,
        a_missing_checkpoint,
        a_missing_recipe,
        a_missing_picture,
        a_missing_test_set,
        missing_samples,
        a_place_for_a_prior,
        a_wrong_choice,
        a_wrong_command,
        a_kit_in_a_full_folder,
    ],
}
"""By the exit code that each ends with."""


@pytest.mark.parametrize("encoding", ["ascii", pytest.param("utf-8", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("code", "command"),
    [
        *((code, command) for code, all_ in COMMANDS.items() for command in all_),
        *(pytest.param(0, command, marks=pytest.mark.slow) for command in (convert, verify, bench, doctor)),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_users_own_names_are_printed_as_they_are_in_any_encoding(odd, pam_edge, request, code, command, encoding):
    arguments, names = command(odd, request)
    ended, out, err = pam_edge(*arguments, encoding=encoding)
    assert ended == code, err
    assert "Traceback" not in out + err
    for name in names:
        assert name in out + err or name in re.sub(r"[│|]?\s*\n[│|]?\s*", " ", out + err)
    assert "⚠" not in out + err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_text_of_any_kind_can_be_printed_in_any_encoding(monkeypatch, pam_edge, encoding):
    text = "Δα ± █│└ é 中 😀 " + os.fsdecode(b"\xff") + ODD + "[/]"

    def command(directory):
        output.say(text, (text, "red"))
        output.note(text)
        output.print_json({"text": text, "more": [text]})
        raise output_error(text)

    monkeypatch.setattr("pam_edge.delivery.inspect.inspect", command)
    code, out, err = pam_edge("inspect", "somewhere", encoding=encoding)
    assert code == 2
    assert json.loads(out[out.index("{") :])["text"] == text
    assert ODD in err
    if encoding == "ascii":
        assert out.startswith("da +- #|+ \\xe9 \\u4e2d \\U0001f600 \\udcff")


def output_error(text):
    from pam_edge.errors import UsageError

    return UsageError(text)


@pytest.mark.parametrize("encoding", ["ascii", pytest.param("utf-8", marks=pytest.mark.slow)])
def test_real_processes_print_in_an_encoding_that_lacks_characters(odd, measured_profile, encoding):
    a_profile(odd, measured_profile)
    commands = [["plan", "--checkpoint", "pam-minute"], ["profile", "show", str(odd / "bench.toml")], ["--help"]]
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "pam_edge.cli", *command],
            capture_output=True,
            env=os.environ | {"PYTHONIOENCODING": encoding, "LC_ALL": "C"},
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode(encoding)


def test_no_command_writes_markup():
    for file in CLI.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"\[/\w*\]|from_markup|markup=True|rich\.markup|\bprint\(\s*f?\"", text), file.name
        if file.name != "output.py":
            assert "Console(" not in text and ".status(" not in text and "TextColumn" not in text, file.name


def test_no_console_reads_markup():
    for console in (output.console, output.notices):
        assert console.render_str(ODD).plain == ODD
