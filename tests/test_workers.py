"""Workers, alone and side by side: what they leave behind when they end, in whatever way."""

import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pam_edge.errors import ConversionError
from pam_edge.workers import run_in_worker, side_by_side

WORK = """
import os, subprocess, tempfile
from pathlib import Path

def die(payload):
    tempfile.mkdtemp()
    os.abort()

def wait(payload):
    child = subprocess.Popen(["sleep", "60"])
    Path(payload["file"]).write_text(str(child.pid))
    child.wait()
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Let workers import a module ``work``, and look for temporary files in the folder that is returned."""
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def has_ended(pid):
    """Wait a little for the end of a process that is no child of this one; one that nobody collects has ended too."""
    for _ in range(100):
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
        if not state or state.startswith("Z"):
            return True
        time.sleep(0.05)
    return False


def test_temporary_files_of_a_worker_that_dies_go_with_it(work):
    with pytest.raises(ConversionError, match="SIGABRT"):
        run_in_worker("work:die", {})
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    "send",
    [
        lambda: os.kill(os.getpid(), signal.SIGINT),
        lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT),  # the main thread goes on waiting
    ],
    ids=["to the process", "to another thread"],
)
def test_interrupting_stops_workers_with_all_that_they_started_and_no_other_is_started(work, send):
    files = [work.with_name(f"pid{number}") for number in range(2)]
    started_later = []

    def interrupt():
        while not all(file.is_file() and file.read_text() for file in files):
            time.sleep(0.01)
        send()

    def task(file):
        try:
            run_in_worker("work:wait", {"file": str(file)})
        finally:
            started_later.append(run_in_worker("work:die", {}))

    threading.Thread(target=interrupt, daemon=True).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        side_by_side([lambda: task(files[0]), lambda: task(files[1])])
    assert time.monotonic() - started < 50
    assert all(has_ended(int(file.read_text())) for file in files)
    assert started_later == []
    assert list(work.iterdir()) == []


def test_a_task_that_had_just_begun_when_the_interruption_came_starts_no_worker(work, monkeypatch):
    submit = ThreadPoolExecutor.submit
    begun = threading.Event()
    ended = []

    def interrupted(pool, task):
        submit(pool, task)
        begun.wait(10)
        raise KeyboardInterrupt

    def task():
        begun.set()
        time.sleep(0.2)
        try:
            run_in_worker("work:die", {})
        except ConversionError as error:
            ended.append(str(error))

    monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        side_by_side([task])
    assert ended == ["Interrupted: no worker is started any more."]


def test_workers_can_be_started_again_after_an_interruption(work):
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        side_by_side([lambda: time.sleep(1)])
    with pytest.raises(ConversionError, match="SIGABRT"):
        run_in_worker("work:die", {})


def test_results_come_in_the_order_of_the_tasks():
    both = threading.Barrier(2, timeout=10)

    def task(seconds):
        both.wait()  # neither returns unless both run at the same time
        time.sleep(seconds)
        return seconds

    assert side_by_side([lambda: task(0.1), lambda: task(0.0)]) == [0.1, 0.0]


def test_one_that_fails_lets_the_others_end():
    done = []

    def fails():
        raise ConversionError("this one")

    def ends():
        time.sleep(0.2)
        done.append(True)

    with pytest.raises(ConversionError, match="this one"):
        side_by_side([fails, ends])
    assert done == [True]
