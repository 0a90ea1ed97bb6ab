"""A small web bundle that is served on a port of its own, and clients that speak to it over sockets."""

import http.client
import json
import threading
from contextlib import contextmanager

import pytest

from pam_edge.serving.server import Server, open_site
from pam_edge.serving.uploads import Upload, Uploads
from pam_edge.supernet.variants import VARIANTS
from tests.stand_ins import write_bundle

FILES = {
    "index.html": b"<!doctype html><title>Cut out</title>",
    "pam-edge.js": b"export {};",
    "litert/litert.wasm": b"\0asm",
    "model/mild.tflite": bytes(range(256)) * 4000,
    "model/manifest.json": b"{}",
    "a b.txt": b"named with a space",
}


@pytest.fixture
def samples() -> bytes:
    """A file of samples as a browser would send it."""
    config = VARIANTS["pam-minute"]
    return json.dumps(
        {
            "schema_version": 1,
            "device": "A phone",
            "soc": "A chip",
            "os": "An OS 1",
            "target": "tflite",
            "runtime": "LiteRT.js",
            "runtime_version": "2.5.3",
            "compute_unit": "cpu",
            "delegate": "WASM",
            "threads": 1,
            "precision": "fp32",
            "height": 64,
            "width": 64,
            "variant": "pam-minute",
            "architecture_hash": config.architecture_hash(),
            "date": "2025-03-01",
            "tool": "a test",
            "samples": [{"path": "1" * config.block_count, "round": 0, "latency_ms": 1.5}],
        }
    ).encode()


class Answer:
    """A whole answer, of which nothing is left to be read."""

    def __init__(self, response):
        self.status, self.content, self.getheader = response.status, response.read(), response.getheader


def answer_on(connection) -> Answer:
    """Read the answer to what was sent on a socket."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    return Answer(response)


class Client:
    """Speaks to a server, one connection for each request."""

    def __init__(self, server, folder, taken):
        self.server, self.uploads, self.taken = server, folder, taken
        self.port = server.server_address[1]
        self.sending = f"/samples?token={server.site.token}"

    def ask(self, path="/", method="GET", body=None, headers=None):
        """Return the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def send(self, body, path=None, headers=None):
        """Return the answer to an upload."""
        return self.ask(path or self.sending, "POST", body, headers)

    def kept(self):
        """Return the files in the uploads' folder, whatever their names."""
        return sorted(self.uploads.iterdir()) if self.uploads.exists() else []


@contextmanager
def running(site_folder, uploads):
    taken: list[Upload] = []
    site = open_site(site_folder, Uploads(uploads, taken.append))
    with Server(site, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield Client(server, uploads, taken)
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def bundle(tmp_path):
    return write_bundle(tmp_path / "bundle", FILES)


@pytest.fixture
def client(bundle, tmp_path):
    with running(bundle, tmp_path / "samples") as client:
        yield client
