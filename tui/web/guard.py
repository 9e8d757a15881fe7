"""Who may ask the server for something: only pages of this server, with the token of its address."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names of this machine, for itself."""

HEADERS = {
    # Nothing of the page may come from, or go to, another host. xterm.js writes its styles into the page.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    # The address holds the token.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every answer."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Turns away what does not come from a page of this server.

    A page of another site can make a browser ask, but it can not set the names below: `Host` is what the browser
    believes to talk to (another name that was pointed at this machine is told by it), and `Origin` is the page that
    asks for a connection.

    Attributes:
        token: the first part of every path.
        names: the names and numbers by which the server may be called, without a port.
    """

    token: str
    names: frozenset[str]

    def refusal(self, request: web.Request) -> str:
        """Why a request is not answered, in a few words; empty where it is."""
        host = request.headers.get("Host", "")
        if _name(host) not in self.names:
            return "unknown host"
        origin = request.headers.get("Origin")
        if origin is not None and origin.lower() not in {f"http://{host.lower()}", f"https://{host.lower()}"}:
            return "foreign origin"
        if not secrets.compare_digest(request.path.split("/")[1].encode(), self.token.encode()):
            return "wrong token"
        return ""

    def middleware(self) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
        """The guard, as aiohttp asks it before each request."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            refusal = self.refusal(request)
            if refusal:
                raise web.HTTPForbidden(text=f"403: {refusal}\n", headers=HEADERS)
            return await handler(request)

        found: Callable[[web.Request, Handler], Awaitable[web.StreamResponse]] = guarded
        return found


def _name(host: str) -> str:
    """The name in a `Host` header, in lower case; empty where there is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Adds the headers of every answer; aiohttp calls it before an answer begins."""
    response.headers.update(HEADERS)
