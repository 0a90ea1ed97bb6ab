"""Kits, and the program in them run against a stand-in for adb: there is no phone here."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.device_profiles.loader import read_profile
from pam_edge.errors import UsageError

runner = CliRunner()

STAND_IN_FOR_ADB = '''#!{python}
"""Stands in for adb with a phone whose costs are known: prints what the phone and the runner would."""
import random, re, sys
line = " ".join(sys.argv)
if "getprop" in line:
    print({{"manufacturer": "Maker", "model": "Phone 1", "release": "15"}}.get(line.split(".")[-1].strip("'"), "SoC"))
elif "runner --" in line:
    path = re.search(r"path_([01]+)[.]bin", line)[1]
    cost = 20 + sum(3 + 2 * index for index, runs in enumerate(path) if runs == "1")
    random.seed(line)
    count = int(re.search(r"num_(?:runs|executions)=([0-9]+)", line)[1])
    if "executions" in line:
        print("Iteration 1 of", count, ": not a time, loading")
        for index in range(count):
            milliseconds = cost + 50 * (index == 0)
            print(f"I 00:00 executor_runner.cpp] Iteration {{index + 1}} of {{count}}: {{milliseconds:.6f}} ms")
    else:
        print("Inference timings in us: Init: 5685, First inference: 18535, Warmup (avg): 9,", end=" ")
        print(f"Inference (avg): {{cost * 1e3}}")
'''


@pytest.fixture(scope="module", params=["tflite", pytest.param("executorch", marks=pytest.mark.slow)])
def kit(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kits") / request.param
    arguments = f"profile kit --target {request.param} --checkpoint pam-minute --size 64 --json -o {folder}"
    result = runner.invoke(app, arguments.split())
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["paths"]) == 16
    return folder


@pytest.fixture
def phone(tmp_path):
    adb = tmp_path / "bin" / "adb"
    adb.parent.mkdir()
    adb.write_text(STAND_IN_FOR_ADB.format(python=sys.executable))
    adb.chmod(0o755)
    return {"PATH": f"{adb.parent}{os.pathsep}{os.environ['PATH']}"}


def measure(kit, phone, *options):
    command = [
        sys.executable,
        str(kit / "android.py"),
        "--runner",
        sys.executable,
        "--runtime-version",
        "1.0",
        *options,
    ]
    return subprocess.run(command, env=os.environ | phone, capture_output=True, text=True)


def test_what_a_kit_brings_back_is_a_profile(kit, phone, tmp_path, monkeypatch):
    monkeypatch.setenv("PAM_EDGE_PROFILES", str(tmp_path / "profiles"))
    for rounds in ("2", "4"):  # stopped after two, gone on with later
        done = measure(kit, phone, "--rounds", rounds)
        assert done.returncode == 0, done.stderr
    samples = json.loads((kit / "samples.json").read_text())
    assert {sample["round"] for sample in samples["samples"]} == {0, 1, 2, 3}
    result = runner.invoke(app, ["profile", "import", str(kit / "samples.json"), "--json"])
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    assert made["held_out_worst_error_pct"] < 1e-3
    (table,) = read_profile(tmp_path / "profiles" / "maker-phone-1.toml").measurements
    differences = [block.run_ms - block.bypass_ms for block in table.blocks]
    assert differences == pytest.approx([3, 5, 7, 9], abs=1e-3)
    (kit / "samples.json").unlink()


def test_a_dry_run_prints_the_commands_and_needs_no_phone(kit):
    done = measure(kit, {}, "--dry-run")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == 16
    assert all(line.startswith("adb shell /data/local/tmp/pam-edge/runner --") for line in lines)


def test_a_runner_that_prints_no_time_is_told(kit, tmp_path):
    adb = tmp_path / "adb"
    adb.write_text("#!/bin/sh\necho something else\n")
    adb.chmod(0o755)
    done = measure(kit, {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"})
    assert done.returncode == 1
    assert "printed no time" in done.stderr
    assert not (kit / "samples.json").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    result = runner.invoke(app, f"profile kit --target tflite --checkpoint pam-minute -o {tmp_path}".split())
    assert isinstance(result.exception, UsageError)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
