"""The server of `rhas review`: one folder's page, its film, and a place to save corrections.

It listens on 127.0.0.1. Its address contains a token that only who started it knows, so that other
users of the machine and pages of the web cannot use it. The Host header must name this machine,
which stops names that a foreign page points at 127.0.0.1. No path of a request reaches the disk:
three fixed names are answered, everything else is not found.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO

from rhas.base.errors import RhasError
from rhas.review.folder import ReviewFolder, StaleError
from rhas.segment.request import OVERLAY
from rhas.stores.corrections import CORRECTIONS, MAX_BYTES

ADDRESS = "127.0.0.1"
_HOSTS = (ADDRESS, "localhost")
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_BLOCK = 1 << 18  # bytes
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class ReviewServer(ThreadingHTTPServer):
    """Serves a folder until it is closed.

    Args:
        folder: what to review.
        port: 0: a free one.

    Raises:
        RhasError: the port is taken.
    """

    daemon_threads = True

    def __init__(self, folder: ReviewFolder, port: int = 0) -> None:
        self.folder = folder
        self.token = secrets.token_urlsafe(24)
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise RhasError(
                "the port cannot be used",
                where=f"{ADDRESS}:{port}",
                got=str(error.strerror),
                do="name another with --port, or none",
            ) from error

    @property
    def url(self) -> str:
        """The address of the page, with its token."""
        return f"http://{ADDRESS}:{self.server_address[1]}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds without a byte
    server: ReviewServer

    def do_GET(self) -> None:
        name = self._find_name()
        if name == "":
            try:
                page = self.server.folder.render_page().encode()
            except RhasError as error:
                self._refuse(HTTPStatus.CONFLICT, str(error))
                return
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", page)
        elif name == OVERLAY:
            self._send_film()
        elif name is not None:
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        name = self._find_name()
        if name is None:
            return
        origin, size = self.headers.get("Origin"), self.headers.get("Content-Length", "")
        if name != CORRECTIONS:
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")
        elif origin is not None and origin != f"http://{self.headers['Host']}":
            self._refuse(HTTPStatus.FORBIDDEN, "a page of another site")
        elif self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected application/json")
        elif not (size.isascii() and size.isdigit()) or "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "expected Content-Length")
        elif len(size) > 12 or int(size) > MAX_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large for corrections")
        else:
            self._save(self.rfile.read(int(size)))

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not listed: their paths contain the token."""

    def _find_name(self) -> str | None:
        """What the request asks for, below the token; None where it was refused."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host not in _HOSTS:
            self._refuse(HTTPStatus.FORBIDDEN, "another host")
            return None
        token, slash, name = self.path.removeprefix("/").partition("/")
        known = hmac.compare_digest(token.encode(), self.server.token.encode())
        if not known or not slash or not self.path.startswith("/"):
            self._refuse(HTTPStatus.FORBIDDEN, "use the address that `rhas review` printed")
            return None
        return name

    def _save(self, text: bytes) -> None:
        try:
            revision = self.server.folder.save(text)
        except StaleError as error:
            self._refuse(HTTPStatus.CONFLICT, str(error))
        except RhasError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except OSError as error:
            self._refuse(HTTPStatus.INSUFFICIENT_STORAGE, f"not saved: {error.strerror}")
        else:
            self._send(
                HTTPStatus.OK, "application/json", json.dumps({"revision": revision}).encode()
            )

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.close_connection = True  # a body may be left unread
        self._send(status, "text/plain; charset=utf-8", why.encode())

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self._send_headers(status, {"Content-Type": kind, "Content-Length": str(len(content))})
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_headers(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        close = {"Connection": "close"} if self.close_connection else {}
        for name, value in {**_HEADERS, **headers, **close}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_film(self) -> None:
        """The film, or the range of its bytes that a player asks for."""
        try:
            handle = os.open(self.server.folder.path / OVERLAY, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            self._refuse(HTTPStatus.NOT_FOUND, "no film")
            return
        with open(handle, "rb") as film:
            size = os.fstat(handle).st_size
            part = find_range(self.headers.get("Range"), size)
            headers = {"Content-Type": "video/webm", "Accept-Ranges": "bytes"}
            if part is None:
                headers |= {"Content-Range": f"bytes */{size}", "Content-Length": "0"}
                self._send_headers(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
                return
            start, stop = part
            status = HTTPStatus.OK
            if "Range" in self.headers:
                status = HTTPStatus.PARTIAL_CONTENT
                headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
            self._send_headers(status, {**headers, "Content-Length": str(stop - start)})
            if self.command != "HEAD":
                self._copy(film, start, stop)

    def _copy(self, film: BinaryIO, start: int, stop: int) -> None:
        film.seek(start)
        while start < stop and (block := film.read(min(_BLOCK, stop - start))):
            self.wfile.write(block)
            start += len(block)


def find_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte, and the one after the last, that a ``Range`` header asks for.

    Without a header, or with one of another form than ``bytes=a-b``, ``bytes=a-`` or ``bytes=-n``,
    all; None where no byte of the file is among them.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or not (match[1] or match[2]):
        return 0, size
    if not match[1]:
        return (max(0, size - int(match[2])), size) if int(match[2]) and size else None
    start, last = int(match[1]), int(match[2]) if match[2] else size - 1
    return (start, min(last + 1, size)) if start <= last and start < size else None
