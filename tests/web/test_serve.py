"""The app in a browser: who may ask, what ends with a page, and a real one. Needs the extra `web`; skips without."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("textual_serve", reason="the extra web is not installed")

CHROMIUM = shutil.which("chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECONDS = 20.0


TAKES_SIGNALS = """\
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


class Served:
    """A server, as a process of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "retrograde.tui", "serve", *arguments, "--port", "0"]
        environment = {**os.environ, "XDG_STATE_HOME": str(folder), "LANG": "C.UTF-8", "LANGUAGE": ""}
        # What runs the tests may ignore Ctrl-C, and the server would inherit that.
        command = [sys.executable, "-c", TAKES_SIGNALS, *command[1:]]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        parts = urlsplit(self.address)
        assert parts.hostname is not None and parts.port is not None
        self.host, self.port, self.path = parts.hostname, parts.port, parts.path
        self._connections: list[HTTPConnection] = []

    def ask(self, path: str, **headers: str) -> tuple[int, str]:
        """The status and the text of an answer."""
        connection = self._connection()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest("GET", path, skip_host="Host" in named)
        for name, value in named.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, "" if answer.status == 101 else answer.read().decode()

    def connect(self, **headers: str) -> tuple[int, HTTPConnection]:
        """A page's connection, by hand: its status, and what keeps it open."""
        connection = self._connection()
        connection.putrequest("GET", f"{self.path}ws?width=90&height=30")
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
        }
        for name, value in {**upgrade, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        status = int(connection.sock.recv(12).split()[1])
        return status, connection

    def apps(self) -> set[int]:
        """The processes of the apps."""
        found = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        pairs = (map(int, line.split()) for line in found.splitlines())
        return {pid for pid, parent in pairs if parent == self.process.pid and alive(pid)}

    def _connection(self) -> HTTPConnection:
        self._connections.append(HTTPConnection(self.host, self.port, timeout=SECONDS))
        return self._connections[-1]

    def end(self) -> None:
        for connection in self._connections:
            connection.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def start(*arguments: str) -> Served:
        started.append(Served(tmp_path, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.end()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(holds: Callable[[], object]) -> bool:
    limit = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def test_only_its_own_pages_are_answered(serve: Callable[..., Served]) -> None:
    served = serve("mazur")
    assert served.address.startswith("http://127.0.0.1:")
    status, page = served.ask(served.path)
    assert status == 200 and "mazur" in page
    assert "http" not in page.replace("ws://127.0.0.1", "").replace("<!DOCTYPE html>", "")
    for path in ("/", "/ws", "/static/js/textual.js", "/x" + served.path, served.path[:-2] + "/"):
        assert served.ask(path)[0] == 403, path
    for host in ("evil.example", f"evil.example:{served.port}", "", "127.0.0.1.evil.example", "[", "127.0.0.2"):
        assert served.ask(served.path, Host=host)[0] in {400, 403}, host
    for host in ("localhost", f"localhost:{served.port}", "[::1]:1"):
        assert served.ask(served.path, Host=host)[0] == 200, host
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{served.port + 1}", "http://127.0.0.1"):
        assert served.connect(Origin=origin)[0] == 403, origin
    assert not served.apps()
    status, connection = served.connect(Origin=f"http://127.0.0.1:{served.port}")
    assert status == 101
    connection.close()


def test_an_app_ends_with_its_page_and_places_are_counted(serve: Callable[..., Served]) -> None:
    served = serve("mazur", "--clients", "1")
    status, page = served.connect()
    assert status == 101
    assert eventually(lambda: len(served.apps()) == 1)
    assert served.connect()[0] == 503
    page.sock.close()
    page.close()
    assert eventually(lambda: not served.apps())
    assert served.connect()[0] == 101


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_app_outlives_the_server(serve: Callable[..., Served], number: int) -> None:
    served = serve("mazur")
    pages = [served.connect(), served.connect()]
    assert [status for status, _page in pages] == [101, 101]
    assert eventually(lambda: len(served.apps()) == 2)
    apps = served.apps()
    served.process.send_signal(number)
    assert eventually(lambda: not [pid for pid in apps if alive(pid)])
    assert served.process.wait(SECONDS) == (-number if number == signal.SIGKILL else 0)


def test_what_a_page_says_may_be_anything(serve: Callable[..., Served]) -> None:
    served = serve("mazur")
    said = [b"{", b"[]", b'["resize", 3]', b'["resize", {"width": "x"}]', b'["stdin"]', b"\xff", b'["stdin", {}]', b"0"]
    for text in said:
        status, page = served.connect()
        assert status == 101
        masked = bytes(letter ^ b"abcd"[at % 4] for at, letter in enumerate(text))
        page.sock.sendall(b"\x81" + bytes([0x80 | len(text)]) + b"abcd" + masked)
        page.close()
    assert eventually(lambda: not served.apps())
    assert served.ask(served.path)[0] == 200


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser(serve: Callable[..., Served], tmp_path: Path) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    served = serve("mazur")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1200, "height": 760})
        asked: list[str] = []
        received: list[bytes] = []
        errors: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

        def attend(socket: object) -> None:
            socket.on("framereceived", lambda data: received.append(data if isinstance(data, bytes) else data.encode()))  # type: ignore[attr-defined]

        page.on("websocket", attend)

        def shown(text: str) -> None:
            limit = time.monotonic() + SECONDS
            while text.encode() not in b"".join(received):
                assert time.monotonic() < limit, text
                page.wait_for_timeout(50)

        page.goto(served.address)
        shown("of 39")
        shown("Matt Mazur")
        before = page.screenshot(path=tmp_path / "before.png")
        page.keyboard.press("ArrowRight")
        shown("0.3775")
        after = page.screenshot(path=tmp_path / "after.png")
        assert before != after and len(after) > 10_000
        assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {
            urlsplit(served.address).netloc
        }
        page.keyboard.press("Control+z")
        page.keyboard.press("]")
        shown("0.561370121")
        assert not errors, json.dumps(errors)
        page.keyboard.press("q")
        page.wait_for_selector("body.-closed", timeout=1000 * SECONDS)
        browser.close()
    assert eventually(lambda: not served.apps())
