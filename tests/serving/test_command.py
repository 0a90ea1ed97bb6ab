"""``pam-edge serve`` as people and scripts run it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from pam_edge.serving.network import local_address
from tests.serving.conftest import FILES
from tests.stand_ins import write_bundle

PATIENCE_S = 10
"""Two seconds are promised on an idle machine; a busy machine gets more."""


@pytest.fixture
def started(bundle, tmp_path):
    """Return what starts the command with more arguments, in a folder of its own."""
    running = []

    def start(*arguments):
        command = [sys.executable, "-P", "-m", "pam_edge.cli", "serve", str(bundle), "--port", "0", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()


def first_json(process):
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return json.loads(line)


def interrupted(process, number=signal.SIGINT):
    before = time.monotonic()
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - before < PATIENCE_S
    return process.returncode, out, err


def test_a_script_gets_the_address_in_one_line_and_samples_a_notice(started, samples, tmp_path):
    process = started("--json")
    told = first_json(process)
    assert told["address"].startswith("http://127.0.0.1:")
    assert told["lan_address"] is None
    assert urllib.request.urlopen(told["address"]).read() == FILES["index.html"]
    place = told["address"].replace("/?", "/samples?")
    with urllib.request.urlopen(urllib.request.Request(place, samples)) as answer:
        assert answer.status == 201
    code, out, err = interrupted(process)
    assert (code, out) == (130, "")
    assert "1 samples of A phone: pam-edge profile import samples/" in err
    assert len(list((tmp_path / "samples").iterdir())) == 1


def test_a_person_gets_the_address_and_an_interruption_ends_it_with_clients_waiting(started):
    process = started()
    line = process.stdout.readline()
    assert process.stdout.readline() == "Ctrl-C ends it.\n"
    address = line.split(" served at ")[1].strip()
    with socket.create_connection(("127.0.0.1", int(address.split(":")[2].split("/")[0]))) as waiting:
        waiting.sendall(b"GET / HTTP/1.1\r\n")
        assert urllib.request.urlopen(address).status == 200  # by now the first one is waited for
        code, out, err = interrupted(process)
    assert (code, out, err) == (130, "", "Interrupted.\n")


def test_it_listens_on_this_machine_alone_unless_it_is_asked(started):
    process = started("--json")
    told = first_json(process)
    port = told["address"].split(":")[2].split("/")[0]
    outside = local_address()
    if outside is None:
        pytest.skip("this machine is on no network")
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://{outside}:{port}/", timeout=5)
    lan = first_json(started("--json", "--lan"))
    assert urllib.request.urlopen(lan["lan_address"], timeout=5).read() == FILES["index.html"]


def test_a_folder_that_is_no_web_bundle_ends_with_wrong_use(tmp_path):
    folder = write_bundle(tmp_path / "empty", {"README.md": b""})
    (folder / "bundle.json").unlink()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pam_edge.cli", "serve", str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "no bundle.json" in " ".join(done.stderr.split())
