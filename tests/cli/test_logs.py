"""What went on can be looked up: in a folder that someone names, or with --debug."""

import logging
import os

import pytest

from pam_edge.cli import main
from pam_edge.cli.logs import shown_log
from pam_edge.delivery.inspect import inspect
from pam_edge.errors import ArtifactError, UsageError
from pam_edge.targets import Target
from pam_edge.toolchains import silenced
from pam_edge.workers import CRASH_HOOK, LOG_VARIABLE

INSPECT = "inspect_in_worker"


@pytest.fixture
def folder(static_artifacts):
    return static_artifacts[Target.TFLITE].directory


@pytest.fixture
def logs(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv(LOG_VARIABLE, str(tmp_path / "logs"))
    return tmp_path / "logs"


def test_a_workers_log_is_kept_where_someone_says(folder, logs):
    inspect(folder)
    (kept,) = logs.iterdir()
    assert INSPECT in kept.name
    assert "INFO: Created TensorFlow Lite XNNPACK delegate" in kept.read_text()


def test_the_message_of_a_crash_names_the_kept_log(folder, logs, monkeypatch):
    monkeypatch.setenv(CRASH_HOOK, INSPECT)
    with pytest.raises(ArtifactError) as caught:
        inspect(folder)
    (kept,) = logs.iterdir()
    assert str(kept) in str(caught.value)


def test_no_log_is_kept_unless_asked_for(folder, logs, monkeypatch, tmp_path):
    monkeypatch.delenv(LOG_VARIABLE)
    monkeypatch.setenv(CRASH_HOOK, INSPECT)
    with pytest.raises(ArtifactError) as caught:
        inspect(folder)
    assert ".log" not in str(caught.value)
    assert not (tmp_path / "state").exists()


def test_debug_shows_the_log_and_tells_where_the_workers_are(folder, logs, monkeypatch, tmp_path, capfd):
    monkeypatch.delenv(LOG_VARIABLE)
    monkeypatch.setattr("sys.argv", ["pam-edge", "inspect", str(folder), "--debug"])
    with pytest.raises(SystemExit) as left:
        main.run()
    assert left.value.code == 0
    told = capfd.readouterr().err.replace("\n", "").replace(" ", "")
    kept = list((tmp_path / "state").rglob("*.log"))
    assert kept, "of every worker"
    assert all(each.name in told for each in kept)
    assert not logging.getLogger("pam_edge").isEnabledFor(logging.DEBUG), "debugging ends with the command"


def test_logs_cannot_be_kept_where_nothing_can_be_written(folder, logs):
    logs.write_text("in the way")
    with pytest.raises(UsageError, match=LOG_VARIABLE):
        inspect(folder)


def test_what_a_toolchain_prints_while_it_loads_is_logged(caplog, capfd, monkeypatch):
    monkeypatch.setattr("sys.stdout", os.fdopen(1, "w", closefd=False))  # a process's own, not pytest's
    with caplog.at_level(logging.DEBUG, "pam_edge"), silenced():
        os.write(1, b"from native code")
        print("from Python")
    assert capfd.readouterr() == ("", "")
    assert "from native code" in caplog.text
    assert "from Python" in caplog.text


def test_the_log_is_not_shown_otherwise(capfd):
    with shown_log(debug=False):
        logging.getLogger("pam_edge.planning").info("a detail")
    assert capfd.readouterr() == ("", "")
