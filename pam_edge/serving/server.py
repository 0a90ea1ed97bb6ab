"""The server of a web bundle: the files that its record names, and one place that takes samples."""

from __future__ import annotations

import json
import secrets
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from pam_edge import __version__
from pam_edge.delivery.artifact.content import content_hash
from pam_edge.delivery.bundle.record import BUNDLE, BundleFile, BundleRecord, read_bundle
from pam_edge.errors import ProfileError, UsageError
from pam_edge.serving.headers import HEADERS, type_of
from pam_edge.serving.uploads import MOST_BYTES, Upload, Uploads
from pam_edge.terms import Platform

INDEX, ABOUT, SAMPLES = "index.html", "/about", "/samples"

_SILENCE_S = 10.0
"""A client that says nothing for so long, or takes nothing, is left."""

_UPLOAD_S = 60.0
"""For all of an upload, however steadily it trickles: meanwhile no other is taken."""

_DRAIN_S = 2.0
_CHUNK = 2**16


@dataclass(frozen=True, slots=True)
class Site:
    """What is served.

    Attributes:
        directory: the bundle.
        files: by their path in it; no other is ever opened.
        token: that uploads have to bring.
        uploads: where they go.
    """

    directory: Path
    files: Mapping[str, BundleFile]
    token: str
    uploads: Uploads


def open_site(directory: Path, uploads: Uploads) -> Site:
    """Return what is served of a web bundle, under a new token.

    Raises:
        ArtifactError: if the folder is no bundle, or a file of it is missing or changed.
        UsageError: if it is a bundle for another platform.
    """
    record = read_bundle(directory)
    if record.platform is not Platform.WEB:
        raise UsageError(
            f"Expected a web bundle; {directory} is one for {record.platform.label}. Make one: pam-edge package DIR "
            "--platform web -o OUT."
        )
    return Site(directory, _served(directory, record), secrets.token_urlsafe(), uploads)


def _served(directory: Path, record: BundleRecord) -> dict[str, BundleFile]:
    path = directory / BUNDLE
    own = BundleFile(path=BUNDLE, sha256=content_hash(path), bytes=path.stat().st_size)
    return {file.path: file for file in (*record.files, own)}


class Server(ThreadingHTTPServer):
    """Serves a site until it is closed; what clients still ask for then does not hold it up."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, site: Site, host: str, port: int) -> None:
        """Listen.

        Raises:
            UsageError: if that cannot be listened on.
        """
        self.site = site
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) else "there is no such port"
            raise UsageError(
                f"--port {port}: expected a port that can be listened on; {why}. Name another, or 0 for any free one."
            ) from error

    def address(self, host: str) -> str:
        """Return the page's address, as it is reached by a host's name; the token in it allows uploads."""
        return f"http://{host}:{self.server_address[1]}/?token={self.site.token}"

    def server_close(self) -> None:
        """Stop listening; an upload that is being written becomes whole first."""
        super().server_close()
        with self.site.uploads.turn(wait_s=1.0):
            pass

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that leave in the middle; of all else what socketserver says."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Refusal(Exception):
    """An answer other than the one that was asked for."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError as error:
        raise _Refusal(HTTPStatus.BAD_REQUEST, "Expected an address; it cannot be read.") from error


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version, sys_version = f"pam-edge/{__version__}", ""
    timeout = _SILENCE_S

    def do_GET(self) -> None:
        """Answer with a file of the bundle, or with what this server offers."""
        self._answer(self._give)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Take samples."""
        self._answer(self._take)

    def _answer(self, action: Callable[[SplitResult], None]) -> None:
        try:
            action(_split(self.path))
        except _Refusal as refusal:
            self.send_error(refusal.status, refusal.message)

    def _give(self, asked: SplitResult) -> None:
        path = unquote(asked.path)
        if path == ABOUT:
            self._send(HTTPStatus.OK, json.dumps({"uploads": True}).encode(), "application/json")
            return
        file = self.server.site.files.get(path.removeprefix("/") or INDEX)
        if file is None or not path.startswith("/"):
            raise _Refusal(HTTPStatus.NOT_FOUND, "Expected a file of the bundle; it has none of this name.")
        tag = {"ETag": f'"{file.sha256}"', "Cache-Control": "no-cache"}
        if tag["ETag"] in self.headers.get("If-None-Match", ""):
            self._send(HTTPStatus.NOT_MODIFIED, b"", None, tag)
            return
        self._send(HTTPStatus.OK, self._read(file), type_of(file.path), tag)

    def _read(self, file: BundleFile) -> bytes:
        try:
            return (self.server.site.directory / file.path).read_bytes()
        except OSError as error:
            raise _Refusal(
                HTTPStatus.NOT_FOUND, f"Expected {file.path} in the bundle; it cannot be read: {error.strerror}."
            ) from error

    def _take(self, asked: SplitResult) -> None:
        if asked.path != SAMPLES:
            raise _Refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"Expected samples for {SAMPLES}; nothing else is taken.")
        given = parse_qs(asked.query).get("token", [""])[0]
        if not secrets.compare_digest(given.encode(), self.server.site.token.encode()):
            raise _Refusal(
                HTTPStatus.FORBIDDEN,
                "Expected the token of this server, which is in the address that `pam-edge serve` printed. Open the "
                "page by that address.",
            )
        length = self._length()
        with self.server.site.uploads.turn() as has_turn:
            if not has_turn:
                raise _Refusal(
                    HTTPStatus.CONFLICT, "Another upload is being taken. Send these samples again afterwards."
                )
            upload = self._keep(self._body(length))
        # After its turn: who sends the next samples on this answer is not to be told that these are still being taken.
        self._send(HTTPStatus.CREATED, f"{upload.command}\n".encode(), "text/plain; charset=utf-8")

    def _length(self) -> int:
        stated = self.headers.get("Content-Length")
        if stated is None or self.headers.get("Transfer-Encoding") is not None:
            raise _Refusal(HTTPStatus.LENGTH_REQUIRED, "Expected an upload that states its length; it does not.")
        if not (stated.isascii() and stated.isdigit()):
            raise _Refusal(HTTPStatus.BAD_REQUEST, f"Expected a length in bytes; got {stated[:40]!r}.")
        if len(stated) > 12 or int(stated) > MOST_BYTES:
            raise _Refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"Expected samples of at most {MOST_BYTES} bytes; these would be {stated[:20]}. Measure fewer rounds.",
            )
        return int(stated)

    def _body(self, length: int) -> bytes:
        """Read an upload piece by piece, until a deadline that holds for all of it."""
        body, until = bytearray(), time.monotonic() + _UPLOAD_S
        try:
            while len(body) < length and time.monotonic() < until:
                piece = self.rfile.read1(min(_CHUNK, length - len(body)))
                if not piece:
                    raise _Refusal(
                        HTTPStatus.BAD_REQUEST,
                        f"Expected {length} bytes, as was stated; {len(body)} came. Send it again.",
                    )
                body += piece
        except TimeoutError:
            pass
        if len(body) < length:
            raise _Refusal(
                HTTPStatus.REQUEST_TIMEOUT, "Expected the upload to come at once; it took too long. Send it again."
            )
        return bytes(body)

    def _keep(self, body: bytes) -> Upload:
        try:
            return self.server.site.uploads.take(body)
        except ProfileError as error:
            raise _Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
        except OSError as error:
            raise _Refusal(
                HTTPStatus.INSUFFICIENT_STORAGE,
                f"The samples are right, but cannot be kept: {error.strerror}. Save them.",
            ) from error

    def _send(
        self, status: HTTPStatus, body: bytes, kind: str | None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (HEADERS | dict(headers or {})).items():
            self.send_header(name, value)
        if kind is not None:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            for start in range(
                0, len(body), _CHUNK
            ):  # each with its own timeout: a large file may take longer than one
                self.wfile.write(body[start : start + _CHUNK])

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse in one paragraph of text, whatever it is that is refused, and let it arrive."""
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:  # of methods that nothing here has
            status, message = HTTPStatus.METHOD_NOT_ALLOWED, "Expected GET, HEAD or POST; nothing else is done here."
        # Of a request that cannot be read both may be unset; without a version the status would not be sent.
        self.command, self.request_version = self.command or "GET", self.protocol_version
        self._send(status, f"{message or status.description}\n".encode(), "text/plain; charset=utf-8")
        self._drain()

    def _drain(self) -> None:
        """Read on for a moment: a connection that closes on unread bytes is reset, and the refusal with it."""
        until = time.monotonic() + _DRAIN_S
        with suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_DRAIN_S)
            while time.monotonic() < until and self.connection.recv(_CHUNK):
                pass

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: what people need to know is printed by whoever serves."""
