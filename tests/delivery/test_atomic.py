"""A conversion that dies leaves no folder or a whole one, and says why."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from pam_edge.delivery.artifact.content import content_hash
from pam_edge.delivery.artifact.manifest import read_manifest
from pam_edge.delivery.artifact.staging import check_replaceable, deliver, staging
from pam_edge.errors import UsageError
from pam_edge.workers import CRASH_HOOK

COMMAND = [
    *(sys.executable, "-P", "-m", "pam_edge.cli", "convert", "--target", "tflite", "--checkpoint", "pam-minute"),
    *("--size", "64", "--budget", "100%", "--out"),
]


def is_whole(folder):
    manifest = read_manifest(folder)
    return all(content_hash(folder / entry.file) == entry.sha256 for entry in manifest.entry_points)


def kill_at_random(out, rng):
    process = subprocess.Popen([*COMMAND, str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(rng.uniform(0.5, 25))
    except subprocess.TimeoutExpired:
        process.send_signal(rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
        process.wait()
    visible = [folder for folder in out.iterdir() if not folder.name.startswith(".")] if out.exists() else []
    assert all(map(is_whole, visible))
    return bool(visible)


@pytest.mark.slow
def test_killing_a_conversion_at_ten_random_moments_leaves_nothing_or_a_whole_folder(tmp_path):
    rng = random.Random(7)
    for attempt in range(10):
        kill_at_random(tmp_path / str(attempt), rng)


@pytest.mark.slow
def test_a_run_after_a_killed_one_cleans_up_and_succeeds(tmp_path):
    process = subprocess.Popen([*COMMAND, str(tmp_path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob(".*partial*")):
        assert process.poll() is None, "the conversion ended before it could be killed"
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert [folder for folder in tmp_path.iterdir() if not folder.name.startswith(".")] == []
    subprocess.run([*COMMAND, str(tmp_path)], check=True, capture_output=True)
    (folder,) = tmp_path.iterdir()
    assert is_whole(folder)


def test_a_crashing_converter_is_an_error_message(tmp_path):
    environment = os.environ | {CRASH_HOOK: '"target": "tflite"'}
    done = subprocess.run([*COMMAND, str(tmp_path)], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "SIGABRT" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_caught_between_two_renames_comes_back(tmp_path):
    final = tmp_path / "artifact"
    lost = tmp_path / ".artifact.partial-999999999-replaced"
    lost.mkdir()
    (lost / "file").write_text("the only copy")
    with staging(final) as folder:
        assert (final / "file").read_text() == "the only copy"
        (folder / "file").write_text("new")
        deliver(folder, final)
    assert (final / "file").read_text() == "new"
    assert list(tmp_path.iterdir()) == [final]


def test_a_link_to_an_empty_folder_stays_one(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with staging(tmp_path / "link") as folder:
        (folder / "file").write_text("new")
        deliver(folder, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "file").read_text() == "new"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "real"]


@pytest.mark.parametrize("there", ["a file", "a folder of one's own"])
def test_what_is_no_earlier_artifact_is_not_replaced(tmp_path, there):
    place = tmp_path / "pam-minute_macs_tflite_static"
    kept = place if there == "a file" else place / "thesis.txt"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")
    done = subprocess.run([*COMMAND, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 2
    assert str(place) in done.stderr and "Move it away" in done.stderr
    assert kept.read_text() == "mine"


def test_an_empty_folder_and_an_earlier_artifact_may_be_replaced(tmp_path):
    check_replaceable(tmp_path / "none", "manifest.json")
    check_replaceable(tmp_path, "manifest.json")
    (tmp_path / "manifest.json").write_text("{}")
    check_replaceable(tmp_path, "manifest.json")
    with pytest.raises(UsageError, match=r"without other\.json"):
        check_replaceable(tmp_path, "other.json")
