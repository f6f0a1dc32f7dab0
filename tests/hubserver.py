"""A small Hugging Face Hub on localhost: repositories from folders, in the hub's answers."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What is served and how.

    Args:
        folders: of repositories, by name.
        licence: of all of them.
        cut: bytes after which the answer for a file breaks off, by name of the file.
        changed: files whose content on the way is another one, of equal length.
        refuse: status and error code of every answer for a repository.
        requests: method, path and range of what was asked.
    """

    folders: dict[str, Path] = field(default_factory=dict)
    licence: str = "apache-2.0"
    cut: dict[str, int] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    refuse: tuple[int, str] | None = None
    page: bool = False
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    url: str = ""

    def describe(self, name: str) -> dict[str, Any]:
        """The answer of /api/models; files of more than 1,000 bytes are large ones."""
        siblings = []
        for path in sorted(p for p in self.folders[name].rglob("*") if p.is_file()):
            content = path.read_bytes()
            blob = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
            entry: dict[str, Any] = {
                "rfilename": path.relative_to(self.folders[name]).as_posix(),
                "size": len(content), "blobId": blob,
            }  # fmt: skip
            if len(content) > 1000:
                sha256 = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 130}
            siblings.append(entry)
        return {"id": name, "sha": COMMIT, "cardData": {"license": self.licence},
                "siblings": siblings, "private": False, "gated": False, "tags": []}  # fmt: skip


@contextmanager
def serve_hub(hub: Hub) -> Iterator[Hub]:
    """Serves until the block ends; ``hub.url`` is where."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append((self.command, path, self.headers.get("Range", "")))
            if hub.page:
                self._answer(200, b"<html>log in to the network</html>", {})
            elif hub.refuse is not None:
                status, code = hub.refuse
                self._answer(status, b"", {"X-Error-Code": code})
            elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/revision/(.+))?", path):
                self._tell_model(found[1], found[3])
            elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
                self._tell_file(found[1], found[2])
            elif found := re.fullmatch(r"/cdn/([^/]+/[^/]+)/(.+)", path):
                self._send(hub.folders[found[1]] / found[2], found[2])

        do_HEAD = do_GET

        def _tell_model(self, name: str, revision: str | None) -> None:
            if name not in hub.folders:
                self._answer(401, b"", {"X-Error-Code": "RepoNotFound"})
            elif revision not in (None, "main", COMMIT):
                self._answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
            else:
                self._answer(200, json.dumps(hub.describe(name)).encode(), {})

        def _tell_file(self, name: str, file: str) -> None:
            path = hub.folders[name] / file
            if not path.is_file():
                self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            elif path.stat().st_size > 1000:  # as large files are: elsewhere
                self._answer(302, b"", {"Location": f"{hub.url}/cdn/{name}/{file}"})
            else:
                self._send(path, file)

        def _send(self, path: Path, file: str) -> None:
            content = path.read_bytes()
            if file in hub.changed:
                content = content[:-1] + bytes([content[-1] ^ 1])
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(asked[1]) if asked else 0
            headers = {"X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            if asked:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._answer(206 if asked else 200, content[start:], headers, hub.cut.get(file))

        def _answer(
            self, status: int, body: bytes, headers: dict[str, str], most: int | None = None
        ) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[:most])
            if most is not None and most < len(body):
                self.close_connection = True

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
