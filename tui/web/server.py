"""The server: textual-serve's pages and protocol, with a guard, a limit, and an end for each app that it starts."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from retrograde.engine.text import _, language
from retrograde.tui.web.guard import Guard, add_headers

_HERE = Path(__file__).parent

PLACE_SECONDS = 5.0
"""How long a page waits for a place: the one that was reloaded leaves its own."""
END_SECONDS = 6.0
"""How long an app may take to end when its page is gone, before it is made to."""
LARGEST = 1000
"""Columns or rows of a window at most, whatever a page says."""


class Service(AppService):
    """One app: a process of its own group, which ends with its page.

    Args:
        words: the command, in words: no shell reads it.
        settings: what textual-serve's own class is given.
    """

    _process: Process | None

    def __init__(self, words: Sequence[str], **settings: Any) -> None:
        super().__init__("", **settings)
        self._words = tuple(words)

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        process = await asyncio.create_subprocess_exec(
            *self._words,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._build_environment(width=_side(width), height=_side(height)),
            start_new_session=True,
        )
        self._process, self._stdin = process, process.stdin
        return process

    async def set_terminal_size(self, width: int, height: int) -> None:
        """Tells the app how large its window is."""
        await super().set_terminal_size(_side(width), _side(height))

    async def stop(self) -> None:
        """Ends the app as ``q`` does, which keeps unsaved work; an app that does not end is killed."""
        process = self._process
        if process is None:
            return
        try:
            await asyncio.wait_for(super().stop(), END_SECONDS)
            await asyncio.wait_for(process.wait(), 1.0)
        except TimeoutError:
            pass
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


class AppServer(Server):
    """Serves the app to a few pages at once.

    Args:
        words: the command that starts an app.
        host: the address to listen at.
        port: the port; 0 for any that is free.
        guard: who may ask.
        clients: pages at once, at most.
        title: what the page is called.
    """

    def __init__(self, words: Sequence[str], *, host: str, port: int, guard: Guard, clients: int, title: str) -> None:
        super().__init__("", host=host, port=port, title=title, public_url="")
        self._words = words
        self._guard = guard
        self._places = asyncio.Semaphore(clients)
        self._clients = clients
        self._services: dict[Service, web.WebSocketResponse] = {}
        self._listening = _listen(host, port)
        self.port = self._listening.getsockname()[1]

    @property
    def address(self) -> str:
        """The address to open, with the token."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{name}:{self.port}/{self._guard.token}/"

    def initialize_logging(self) -> None:
        """Says only what went wrong: the address of a request holds the token."""
        logging.basicConfig(level=logging.ERROR, format="%(message)s")
        logging.getLogger("aiohttp.access").setLevel(logging.CRITICAL)

    def serve(self, debug: bool = False) -> None:
        """Serves until Ctrl-C or SIGTERM."""
        self.debug = debug
        self.initialize_logging()
        loop = asyncio.new_event_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_IGN:
                continue
            loop.add_signal_handler(number, self.request_exit)
        web.run_app(
            self._make_app(),
            sock=self._listening,
            handle_signals=False,
            loop=loop,
            print=None,
            access_log=None,
            shutdown_timeout=END_SECONDS,
        )

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard.middleware()])
        aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(_HERE), autoescape=True)
        base = f"/{self._guard.token}"
        app.add_routes(
            [
                web.get(f"{base}/", self.handle_index, name="index"),
                web.get(f"{base}/page.js", self.handle_script),
                web.get(f"{base}/ws", self.handle_websocket, name="websocket"),
                web.get(f"{base}/download/{{key}}", self.handle_download, name="download"),
                web.static(f"{base}/static", self.statics_path, name="static"),
            ]
        )
        app.on_response_prepare.append(add_headers)
        app.on_shutdown.append(self.on_shutdown)
        return app

    async def handle_index(self, request: web.Request) -> web.Response:
        """The page."""
        context = {
            "title": self.title,
            "language": language(),
            "socket": f"{'wss' if request.secure else 'ws'}://{request.host}/{self._guard.token}/ws",
            "ended": _("The app has ended."),
            "again": _("Start again"),
            "starting": _("starting …"),
        }
        return aiohttp_jinja2.render_template("page.html", request, context)

    async def handle_script(self, _request: web.Request) -> web.FileResponse:
        """What the page does by itself."""
        return web.FileResponse(_HERE / "page.js")

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """The connection of a page: an app runs for as long as it stands."""
        page = web.WebSocketResponse(heartbeat=15, max_msg_size=1 << 20)
        try:
            await asyncio.wait_for(self._places.acquire(), PLACE_SECONDS)
        except TimeoutError:
            text = _("all {count} places are taken: close a page, or serve with --clients").format(count=self._clients)
            raise web.HTTPServiceUnavailable(text=text + "\n") from None
        try:
            await page.prepare(request)
            await self._run(page, request)
        finally:
            self._places.release()
        return page

    async def _run(self, page: web.WebSocketResponse, request: web.Request) -> None:
        """Runs an app for a page, until one of the two goes."""
        service = Service(
            self._words,
            write_bytes=page.send_bytes,
            write_str=page.send_str,
            close=page.close,
            download_manager=self.download_manager,
        )
        self._services[service] = page
        try:
            await service.start(*(_whole(request.query.get(side)) for side in ("width", "height")))
            with suppress(ConnectionError):
                await self._obey(page, service)
        finally:
            # Also where this is cancelled: the app ends with its page.
            await asyncio.shield(service.stop())
            del self._services[service]
            await page.close()

    async def _obey(self, page: web.WebSocketResponse, service: Service) -> None:
        """Hands an app what its page says; a page that says something else is left."""
        async for message in page:
            if message.type != WSMsgType.TEXT:
                continue
            match _envelope(message):
                case ["stdin", str(keys)]:
                    await service.send_bytes(keys.encode("utf-8", "replace"))
                case ["resize", {"width": int(width), "height": int(height)}]:
                    await service.set_terminal_size(width, height)
                case ["ping", data]:
                    await page.send_json(["pong", data])
                case ["blur"]:
                    await service.blur()
                case ["focus"]:
                    await service.focus()
                case _other:
                    return

    async def on_shutdown(self, app: web.Application) -> None:
        """Ends all apps."""
        await asyncio.gather(*(service.stop() for service in self._services), return_exceptions=True)
        for page in list(self._services.values()):
            await page.close()


def _envelope(message: Any) -> Any:
    """What a page says; None where it is no JSON."""
    try:
        return message.json()
    except ValueError:
        return None


def _whole(text: str | None) -> int:
    """A number of columns or rows in an address; 80 where there is none."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 5 else 80


def _side(cells: int) -> int:
    return min(max(1, cells), LARGEST)


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        OSError: Somebody else listens there, or there is no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)
