"""A server gives the files of its bundle, as a page with threads needs them, and nothing else."""

import json
import socket
import urllib.parse

import pytest

from pam_edge.errors import ArtifactError, UsageError
from pam_edge.serving.server import Server, open_site
from pam_edge.serving.uploads import Uploads
from pam_edge.terms import Platform
from tests.serving.conftest import FILES
from tests.stand_ins import write_bundle


@pytest.mark.parametrize("path", FILES)
def test_every_file_of_the_bundle_is_given_whole(client, path):
    answer = client.ask("/" + urllib.parse.quote(path))
    assert (answer.status, answer.content) == (200, FILES[path])


def test_the_page_is_at_the_root_whatever_the_address_asks(client):
    assert client.ask(f"/?token={client.server.site.token}").content == FILES["index.html"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/pam-edge.js", "text/javascript; charset=utf-8"),
        ("/litert/litert.wasm", "application/wasm"),
        ("/model/mild.tflite", "application/octet-stream"),
        ("/model/manifest.json", "application/json"),
        ("/bundle.json", "application/json"),
    ],
)
def test_types_are_those_that_browsers_insist_on(client, path, kind):
    assert client.ask(path).getheader("Content-Type") == kind


@pytest.mark.parametrize("path", ["/", "/litert/litert.wasm", "/none", "/about"])
def test_every_answer_isolates_the_page_and_keeps_requests_in_it(client, path):
    answer = client.ask(path)
    assert answer.getheader("Cross-Origin-Opener-Policy") == "same-origin"
    assert answer.getheader("Cross-Origin-Embedder-Policy") == "require-corp"
    assert answer.getheader("Referrer-Policy") == "no-referrer"
    policy = dict(each.split(" ", 1) for each in answer.getheader("Content-Security-Policy").split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert "'unsafe-inline'" not in policy["script-src"]


def test_a_file_that_a_browser_has_is_not_sent_again(client):
    first = client.ask("/model/mild.tflite")
    again = client.ask("/model/mild.tflite", headers={"If-None-Match": first.getheader("ETag")})
    assert (again.status, again.content) == (304, b"")
    assert client.ask("/model/mild.tflite", headers={"If-None-Match": '"another"'}).status == 200


def test_a_head_is_the_answer_without_the_content(client):
    answer = client.ask("/model/mild.tflite", "HEAD")
    assert (answer.status, answer.content) == (200, b"")
    assert answer.getheader("Content-Length") == str(len(FILES["model/mild.tflite"]))


def test_about_says_that_samples_are_taken(client):
    assert json.loads(client.ask("/about").content) == {"uploads": True}


ESCAPES = [
    "/model",
    "/model/",
    "/secret.txt",
    "/../secret.txt",
    "/model/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/model/%2e%2e%2f%2e%2e%2fsecret.txt",
    "/..%5csecret.txt",
    "/link.txt",
    "/index.html%00.txt",
    "/./index.html",
    "//index.html/",
    "/%ff%fe",
    "/" + "a" * 5000,
]


@pytest.mark.parametrize("path", ESCAPES)
def test_nothing_but_files_of_the_record_is_given(client, bundle, path):
    (bundle.parent / "secret.txt").write_text("secret")
    (bundle / "secret.txt").write_text("beside the others, but not of the bundle")
    (bundle / "link.txt").symlink_to(bundle.parent / "secret.txt")
    answer = client.ask(path)
    assert answer.status == 404
    assert answer.getheader("Content-Type") == "text/plain; charset=utf-8"
    assert b"secret" not in answer.content
    assert answer.content.count(b"\n") == 1


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET ../secret.txt HTTP/1.1", "404"),
        ("GET http://[/ HTTP/1.1", "400"),
        ("GET / HTTP/9.9.9", "400"),
        ("GET /" + "a" * 70_000, "414"),
        ("\x00\x01 / HTTP/1.1", "405"),
    ],
)
def test_what_is_no_request_is_refused_and_the_server_goes_on(client, line, status):
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as raw:
        raw.sendall(f"{line}\r\n\r\n".encode())
        answer = raw.recv(4096).decode()
    assert answer.splitlines()[0].split()[1] == status
    assert client.ask("/").status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(client, method):
    answer = client.ask("/index.html", method, b"x")
    assert (answer.status, answer.getheader("Content-Type")) == (405, "text/plain; charset=utf-8")


def test_a_file_that_is_gone_is_told(client, bundle):
    (bundle / "pam-edge.js").unlink()
    assert client.ask("/pam-edge.js").status == 404


def opened(folder):
    return open_site(folder, Uploads(folder / "samples", print))


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="Expected a folder that `pam-edge package` wrote"):
        opened(tmp_path)


def test_a_bundle_for_another_platform_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"Expected a web bundle; .* is one for iOS"):
        opened(write_bundle(tmp_path / "ios", FILES, Platform.IOS))


def test_a_bundle_that_was_changed_is_refused(bundle):
    (bundle / "pam-edge.js").write_bytes(b"import 'elsewhere';")
    with pytest.raises(ArtifactError, match="changed since: its SHA-256"):
        opened(bundle)


def test_a_bundle_that_lacks_a_file_is_refused(bundle):
    (bundle / "pam-edge.js").unlink()
    with pytest.raises(ArtifactError, match=r"Expected pam-edge.js .* missing"):
        opened(bundle)


def test_a_bundle_whose_file_is_a_link_that_leads_out_is_refused(bundle):
    (bundle / "pam-edge.js").rename(bundle.parent / "elsewhere.js")
    (bundle / "pam-edge.js").symlink_to(bundle.parent / "elsewhere.js")
    with pytest.raises(ArtifactError, match="a link that leads out"):
        opened(bundle)


@pytest.mark.parametrize("text", ["", "[]", '{"schema_version": 2}', "\udcff"])
def test_a_record_that_is_damaged_is_refused(bundle, text):
    (bundle / "bundle.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ArtifactError, match=r"bundle\.json"):
        opened(bundle)


def test_a_record_of_a_newer_pam_edge_is_told(bundle):
    (bundle / "bundle.json").write_text('{"schema_version": 2, "more": []}')
    with pytest.raises(ArtifactError, match=r"written by a newer pam-edge: expected schema 1, found 2\. Update"):
        opened(bundle)


def test_a_port_that_is_taken_is_told(client, bundle):
    with pytest.raises(UsageError, match=f"--port {client.port}: expected a port that can be listened on"):
        Server(opened(bundle), "127.0.0.1", client.port)


@pytest.mark.parametrize("port", [-1, 70000])
def test_a_port_that_cannot_be_is_told(bundle, port):
    with pytest.raises(UsageError, match="there is no such port"):
        Server(opened(bundle), "127.0.0.1", port)
