"""Samples are taken from who has the token, one upload at a time, bounded, checked, and written whole."""

import json
import socket
import threading
import time

import pytest

from pam_edge.measuring.path_design import default_path_count
from pam_edge.measuring.samples import read_samples
from pam_edge.serving import server as server_module
from pam_edge.serving.uploads import MOST_BYTES
from pam_edge.supernet.variants import VARIANTS
from tests.serving.conftest import answer_on


def refused(client, answer, status, *words):
    """Check that an upload was refused in one paragraph of text, and that nothing was written."""
    assert answer.status == status, answer.content
    assert answer.getheader("Content-Type") == "text/plain; charset=utf-8"
    assert answer.content.count(b"\n") == 1
    for word in words:
        assert word in answer.content.decode()
    assert client.kept() == [] == client.taken


def test_samples_are_written_and_can_be_imported_by_the_command_that_comes_back(client, samples):
    answer = client.send(samples)
    assert answer.status == 201
    (file,) = client.kept()
    assert answer.content.decode() == f"pam-edge profile import {file}\n"
    assert file.read_bytes() == samples
    assert read_samples(file).device == "A phone"
    assert [(upload.device, upload.count) for upload in client.taken] == [("A phone", 1)]


def test_the_same_samples_twice_are_one_file_and_others_another(client, samples):
    assert [client.send(each).status for each in (samples, samples, samples + b"\n")] == [201] * 3
    assert len(client.kept()) == 2


@pytest.mark.parametrize(
    "path", ["/samples", "/samples?token=", "/samples?token=wrong", "/samples?token=%ff", "/samples?x=1"]
)
def test_samples_without_the_token_are_refused(client, samples, path):
    refused(client, client.send(samples, path), 403, "Expected the token of this server")


@pytest.mark.parametrize("name", ["a\x1b[31mphone", "a phone\nrm -rf", "a\u2028phone", "a\u202ephone", "\0"])
def test_a_name_that_a_terminal_would_obey_is_refused(client, samples, name):
    body = json.dumps(json.loads(samples) | {"device": name}).encode()
    refused(client, client.send(body), 422, "device: one line of text is expected")


def test_every_server_has_a_token_of_its_own(client, bundle):
    other = server_module.open_site(bundle, client.server.site.uploads)
    assert other.token != client.server.site.token
    assert len(other.token) >= 32


@pytest.mark.parametrize("path", ["/", "/index.html", "/model/mild.tflite", "/samples/", "/samples/../index.html"])
def test_nothing_else_can_be_written(client, bundle, samples, path):
    before = (bundle / "index.html").read_bytes()
    refused(client, client.send(samples, f"{path}?token={client.server.site.token}"), 405)
    assert (bundle / "index.html").read_bytes() == before


def test_samples_that_are_too_large_are_refused_and_the_refusal_arrives(client):
    refused(client, client.send(b" " * (MOST_BYTES + 1)), 413, f"at most {MOST_BYTES} bytes")


def test_the_most_that_is_taken_is_taken(client, samples):
    assert client.send(samples.ljust(MOST_BYTES)).status == 201


def test_the_largest_kit_with_all_that_a_sample_may_say_fits_three_times():
    config = VARIANTS["pam-base"]
    sample = {
        "path": "1" * config.block_count,
        "round": 39,
        "latency_ms": 1234.5678901234567,
        "graph": "static",
        "thermal": "critical",
        "session": 2,
    }
    kit = json.dumps([sample] * (40 * default_path_count(config.block_count)), indent=2)
    assert max(len(each.block_names) for each in VARIANTS.values()) == config.block_count
    assert 3 * len(kit) < MOST_BYTES


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not complete JSON"),
        (b"\xff\xfe", "not complete JSON"),
        (b'{"schema_version": 1', "not complete JSON"),
        (b"[]", "cannot be used"),
        (b"{}", "cannot be used"),
        (b'{"samples": [' + b"[" * 100_000, "not complete JSON"),
    ],
)
def test_what_is_no_samples_is_refused(client, body, words):
    refused(client, client.send(body), 422, "The samples that were sent", words)


@pytest.mark.parametrize(
    ("key", "value"),
    [("variant", "../../x"), ("architecture_hash", "0" * 12), ("samples", []), ("more", 1), ("threads", -1)],
)
def test_samples_that_say_something_impossible_are_refused(client, samples, key, value):
    refused(client, client.send(json.dumps(json.loads(samples) | {key: value}).encode()), 422)


def raw(client, head, body=b""):
    """Send bytes as they are; return the status and the text of the answer."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as connection:
        connection.sendall(f"POST {client.sending} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode() + body)
        return answer_on(connection)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("", 411),
        ("Transfer-Encoding: chunked\r\n", 411),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 411),
        ("Content-Length: five\r\n", 400),
        ("Content-Length: -1\r\n", 400),
        ("Content-Length: +5\r\n", 400),
        ("Content-Length: \u0665\r\n", 400),
        (f"Content-Length: {10**30}\r\n", 413),
    ],
)
def test_a_length_that_is_none_is_refused(client, head, status):
    refused(client, raw(client, head, b"12345"), status)


def test_an_upload_that_ends_early_is_refused(client, samples):
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as connection:
        head = f"POST {client.sending} HTTP/1.1\r\nContent-Length: {len(samples)}\r\n\r\n"
        connection.sendall(head.encode() + samples[:-1])
        connection.shutdown(socket.SHUT_WR)
        answer = answer_on(connection)
    refused(client, answer, 400, f"Expected {len(samples)} bytes")


def started(client, length):
    """Return a connection that has begun an upload, once the server has taken its turn."""
    connection = socket.create_connection(("127.0.0.1", client.port), timeout=20)
    connection.sendall(f"POST {client.sending} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n ".encode())
    busy = client.server.site.uploads._busy
    deadline = time.monotonic() + 20
    while not busy.locked():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return connection


def test_of_two_uploads_at_once_the_second_is_told_to_come_back(client, samples):
    with started(client, len(samples) + 1) as first:
        refused(client, client.send(samples), 409, "Another upload is being taken")
        first.sendall(samples)
        assert answer_on(first).status == 201
    assert client.send(samples).status == 201


def test_many_uploads_at_once_leave_whole_files_only(client, samples):
    bodies = [samples + b" " * index for index in range(12)]
    statuses = []
    threads = [threading.Thread(target=lambda body=body: statuses.append(client.send(body).status)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 409}
    assert statuses.count(201) == len(client.kept()) >= 1
    assert all(file.read_bytes() in bodies for file in client.kept())


def test_who_sends_nothing_more_is_left(client, samples, monkeypatch):
    monkeypatch.setattr(server_module._Handler, "timeout", 0.2)
    with started(client, 100) as slow:
        assert answer_on(slow).status == 408
    assert client.send(samples).status == 201


def test_who_sends_a_byte_now_and_then_does_not_keep_others_out(client, samples, monkeypatch):
    monkeypatch.setattr(server_module, "_UPLOAD_S", 0.3)
    with started(client, 1000) as slow:
        slow.settimeout(0.05)
        answer = b""
        deadline = time.monotonic() + 20
        while not answer and time.monotonic() < deadline:
            slow.sendall(b" ")
            try:
                answer = slow.recv(100)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.0 408")
    assert client.send(samples).status == 201


def test_a_folder_that_cannot_be_written_is_told(client, samples):
    client.uploads.write_text("a file in the place of the folder")
    answer = client.send(samples)
    assert answer.status == 507
    assert b"cannot be kept" in answer.content


def test_closing_waits_for_the_turn_of_an_upload(client):
    uploads = client.server.site.uploads
    with uploads.turn() as has_turn, uploads.turn() as other:
        assert (has_turn, other) == (True, False)
    with uploads.turn(wait_s=0.1) as has_turn:
        assert has_turn
