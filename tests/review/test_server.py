"""The server answers who knows the token, under this machine's name, for three names alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from rhas.base.errors import RhasError
from rhas.review.folder import ReviewFolder
from rhas.review.server import ReviewServer, find_range
from rhas.stores.corrections import CORRECTIONS, read_corrections

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def server(segmented: Path) -> Iterator[ReviewServer]:
    with ReviewServer(ReviewFolder(segmented)) as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield opened
        opened.shutdown()
        thread.join()


def ask(
    server: ReviewServer, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    connection = HTTPConnection(*server.server_address[:2], timeout=20)
    text = json.dumps(body).encode() if isinstance(body, dict) else body
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, text, names)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content, dict(answer.headers)


def put(server: ReviewServer, body: Any, **headers: str) -> tuple[int, bytes]:
    path = f"/{server.token}/{CORRECTIONS}"
    return ask(server, "PUT", path, body, **{**JSON, **headers})[:2]


def test_the_page_needs_the_token(server: ReviewServer, segmented: Path) -> None:
    status, page, headers = ask(server, "GET", f"/{server.token}/")
    assert status == 200
    assert b"connect-src 'self'" in page
    assert headers["Referrer-Policy"] == "no-referrer"
    token = server.token
    for path in ("/", "/index.html", "/x/", f"/{token}", f"/{token}x/", f"{token}/", "/%C3%BC/"):
        got = ask(server, "GET", path)
        assert got[0] == 403, path
        assert token.encode() not in got[1]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil:1", "", "[::1]"]
)
def test_another_host_is_refused(server: ReviewServer, host: str, corrections: Any) -> None:
    assert ask(server, "GET", f"/{server.token}/", Host=host)[0] == 403
    assert put(server, corrections, Host=host)[0] == 403


def test_this_machine_has_two_names(server: ReviewServer) -> None:
    for host in ("localhost", "localhost:1234", "127.0.0.1:99"):
        assert ask(server, "GET", f"/{server.token}/", Host=host)[0] == 200


@pytest.mark.parametrize(
    "name",
    ["intervals.json", "corrections.json", "../secret", "..%2fsecret", "%2e%2e/secret", "./",
     "/etc/passwd", "tracks.h5", "overlay.webm/../../secret", "?x", "overlay.webm?x",
     "\\..\\secret"],
)  # fmt: skip
def test_no_other_file_is_read(server: ReviewServer, segmented: Path, name: str) -> None:
    (segmented.parent / "secret").write_text("secret")
    status, content, _ = ask(server, "GET", f"/{server.token}/{name}")
    assert (status, b"secret" in content) == (404, False)
    assert ask(server, "PUT", f"/{server.token}/x{name}", b"{}", **JSON)[0] == 404


def test_a_film_that_is_a_link_is_not_followed(server: ReviewServer, segmented: Path) -> None:
    (segmented.parent / "secret").write_text("secret")
    (segmented / "overlay.webm").symlink_to("../secret")
    assert ask(server, "GET", f"/{server.token}/overlay.webm")[0] == 404


def test_the_film_comes_in_ranges(server: ReviewServer, segmented: Path) -> None:
    film = bytes(range(256)) * 4
    (segmented / "overlay.webm").write_bytes(film)
    path = f"/{server.token}/overlay.webm"
    assert ask(server, "GET", path)[:2] == (200, film)
    assert ask(server, "HEAD", path)[:2] == (200, b"")
    status, part, headers = ask(server, "GET", path, Range="bytes=10-19")
    assert (status, part, headers["Content-Range"]) == (206, film[10:20], "bytes 10-19/1024")
    assert ask(server, "GET", path, Range="bytes=-4")[:2] == (206, film[-4:])
    assert ask(server, "GET", path, Range="bytes=1024-")[0] == 416


@pytest.mark.parametrize(
    ("header", "size", "found"),
    [(None, 10, (0, 10)), ("bytes=0-", 10, (0, 10)), ("bytes=3-5", 10, (3, 6)),
     ("bytes=3-99", 10, (3, 10)), ("bytes=-3", 10, (7, 10)), ("bytes=-99", 10, (0, 10)),
     ("bytes=10-", 10, None), ("bytes=5-3", 10, None), ("bytes=-0", 10, None),
     ("bytes=-", 10, (0, 10)), ("lines=1-2", 10, (0, 10)), ("bytes=1-2,4-5", 10, (0, 10)),
     ("bytes=0-0", 0, None)],
)  # fmt: skip
def test_ranges(header: str | None, size: int, found: tuple[int, int] | None) -> None:
    assert find_range(header, size) == found


def test_what_is_saved_is_read_back(
    server: ReviewServer, segmented: Path, corrections: dict[str, Any]
) -> None:
    corrections["persons"][0]["intervals"][0] |= {
        "start_frame": 16, "by": "corrected",
        "was": {"action": "walking", "start_frame": 15, "end_frame": 45},
    }  # fmt: skip
    status, answer = put(server, corrections)
    assert (status, json.loads(answer)) == (200, {"revision": 1})
    saved = read_corrections(segmented / CORRECTIONS)
    assert saved.revision == 1
    first = saved.persons[0].intervals[0]
    assert first.was is not None
    assert (first.start_frame, first.was.start_frame) == (16, 15)
    assert sorted(path.name for path in segmented.iterdir()) == [
        CORRECTIONS, "index.html", "intervals.json",
    ]  # fmt: skip
    page = ask(server, "GET", f"/{server.token}/")[1]
    assert b'"revision":1' in page


def test_a_second_page_does_not_overwrite_the_first(
    server: ReviewServer, segmented: Path, corrections: dict[str, Any]
) -> None:
    assert put(server, corrections)[0] == 200
    before = (segmented / CORRECTIONS).read_bytes()
    status, why = put(server, corrections)
    assert status == 409
    assert b"another page" in why
    assert (segmented / CORRECTIONS).read_bytes() == before
    assert put(server, {**corrections, "revision": 1})[0] == 200


def test_of_many_at_once_one_wins(server: ReviewServer, corrections: dict[str, Any]) -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(put(server, corrections)[0]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [409] * 7


def test_broken_corrections_are_refused(
    server: ReviewServer, segmented: Path, corrections: dict[str, Any]
) -> None:
    bad: list[Any] = [b"", b"{", b"[" * 100_000, b"\xff", {}, {**corrections, "frames": 151},
                      {**corrections, "persons": corrections["persons"][:1]},
                      {**corrections, "more": 1}, {**corrections, "fps": "15"}]  # fmt: skip
    for body in bad:
        assert put(server, body)[0] == 400, body
    assert put(server, corrections, Content_Type="text/plain")[0] == 415
    assert put(server, corrections, Origin="http://evil.example")[0] == 403
    assert put(server, b"{}", Content_Length="99999999999")[0] == 413
    assert put(server, b"{}", Content_Length="-1")[0] == 411
    assert not (segmented / CORRECTIONS).exists()


def test_a_folder_of_something_else_is_an_error(
    segmented: Path, corrections: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(RhasError, match=r"intervals\.json"):
        ReviewFolder(tmp_path)
    (segmented / CORRECTIONS).write_text(json.dumps({**corrections, "frames": 100, "persons": []}))
    with pytest.raises(RhasError, match="of another film: its frames"):
        ReviewFolder(segmented)
    (segmented / CORRECTIONS).unlink()
    (segmented / "index.html").write_text("<p>")
    with pytest.raises(RhasError, match="not the page"):
        ReviewFolder(segmented)
