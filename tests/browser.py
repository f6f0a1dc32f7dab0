"""A headless Chromium by the WebDriver protocol, for pages that the project writes."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip


class Browser:
    """One page of one browser; widths and heights in CSS pixels."""

    def __init__(self, session: str) -> None:
        self._session = session

    def open(self, path: Path, width: int, height: int = 900) -> None:
        self.go(path.as_uri(), width, height)

    def go(self, url: str, width: int, height: int = 900) -> None:
        """Opens an address."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._cdp("Emulation.setDeviceMetricsOverride", metrics)
        call(f"{self._session}/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script's ``return`` gives."""
        return call(f"{self._session}/execute/sync", {"script": script, "args": arguments})

    def press(self, key: str, *held: str) -> None:
        """A key of the keyboard, as WebDriver names it (``\\ue004`` is Tab, ``\\ue007`` Enter),
        while others are held down (``\\ue008`` is Shift, ``\\ue009`` Control)."""
        keys = [{"type": "keyDown", "value": one} for one in (*held, key)]
        keys += [{"type": "keyUp", "value": one} for one in (key, *reversed(held))]
        call(f"{self._session}/actions",
             {"actions": [{"type": "key", "id": "keyboard", "actions": keys}]})  # fmt: skip

    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """Presses the mouse button at one place and lets it go at another; a click where they are
        the same."""
        places = [start, *([stop] if stop != start else [])]
        moves = [{"type": "pointerMove", "duration": 50, "x": round(x), "y": round(y)}
                 for x, y in places]  # fmt: skip
        press, release = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
        actions = [moves[0], press, *moves[1:], {"type": "pause", "duration": 50}, release]
        mouse = {"type": "pointer", "id": "mouse", "actions": actions}
        call(f"{self._session}/actions", {"actions": [mouse]})

    def log(self) -> list[str]:
        """What the console and the loader complained of since the last call."""
        return [row["message"] for row in call(f"{self._session}/se/log", {"type": "browser"})]

    def picture(self, path: Path) -> None:
        """Writes the whole page as a PNG."""
        size = self.run(
            "const d = document.documentElement; return [d.clientWidth, d.scrollHeight]"
        )
        clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
        shot = self._cdp("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(shot["data"]))

    def _cdp(self, command: str, parameters: dict[str, Any]) -> Any:
        return call(f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})


@contextmanager
def chromium() -> Iterator[Browser]:
    """Skips the test where Chromium and its driver are absent."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no chromium with chromedriver")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait(server)
            options = {"binary": program, "args": [*_ARGUMENTS, f"--user-data-dir={profile}"]}
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            made = call(f"{server}/session", {"capabilities": {"alwaysMatch": wanted}})
            session = f"{server}/session/{made['sessionId']}"
            yield Browser(session)
            call(session, None, "DELETE")
        finally:
            process.terminate()
            process.wait(30)


def call(url: str, body: Any, method: str = "POST") -> Any:
    """The value that the driver answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=120) as answer:
        return json.load(answer)["value"]


def _wait(server: str) -> None:
    for _ in range(300):
        try:
            if call(f"{server}/status", None, "GET")["ready"]:
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("chromedriver does not answer")
