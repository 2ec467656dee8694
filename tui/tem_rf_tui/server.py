"""The app in a browser of this machine: a web server on the loopback address that asks for a token."""

import hmac
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from textual_serve.server import Server

LOOPBACK = "127.0.0.1"
_COOKIE = "tem-rf-token"
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


class AppServer(Server):
    """Serves the app to anyone who knows the token, one app per browser tab.

    Args:
        folder: The working folder of the app.
        port: Port on the loopback address.
        token: The token; the first request gives it in its address, all others in a cookie.
    """

    def __init__(self, folder: Path, port: int, token: str) -> None:
        command = shlex.join([sys.executable, "-m", "tem_rf", "tui", str(folder), "--images", "blocks"])
        super().__init__(command, host=LOOPBACK, port=port, title="tem-rf")
        self._token = token

    @property
    def address(self) -> str:
        """The address to open."""
        return f"{self.public_url}/?token={self._token}"

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing: the command has given the address."""

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._admit)
        return app

    @web.middleware
    async def _admit(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuse requests of other sites, of other names for this machine, and without the token."""
        host = request.host.rpartition(":")[0] if request.host[-1:].isdigit() and ":" in request.host else request.host
        if host not in _LOCAL_NAMES:  # a page of another site whose name was made to point here
            raise web.HTTPForbidden(text="tem-rf: open it as localhost, through the tunnel.")
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{request.host}":
            raise web.HTTPForbidden(text="tem-rf: requests of other pages are refused.")
        given = request.query.get("token")
        if given is not None and self._is_right(given):
            response = web.Response(status=302, headers={"Location": "/"})  # the token does not stay in the address
            response.set_cookie(_COOKIE, self._token, httponly=True, samesite="Strict")
            return response
        if not self._is_right(request.cookies.get(_COOKIE, "")):
            raise web.HTTPForbidden(
                text="tem-rf: the token is missing or wrong; use the address that `tem-rf serve` printed."
            )
        self.public_url = f"http://{request.host}"  # of the tunnel, whose port may be another
        return await handler(request)

    def _is_right(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._token.encode())
