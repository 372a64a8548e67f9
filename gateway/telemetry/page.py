"""One page on a port of its own, by uvicorn's HTTP: for who collects numbers.

It knows nothing of what the page says.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

import uvicorn

Page = Callable[[str], Awaitable[tuple[bytes, str]]]


class PageServer:
    """A port with one page.

    Args:
        path: Of the page; anything else is 404.
        page: Gives the body and its content type, for what a client accepts.
    """

    def __init__(self, path: str, page: Page) -> None:
        self._path = path
        self._page = page
        self._sockets: list[socket.socket] = []
        config = uvicorn.Config(
            self._answer,
            interface="asgi3",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=2,
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)

    async def start(self, host: str, port: int) -> None:
        """Listen at every address of a host. Errors: OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, _, _, _, address in dict.fromkeys(found):
                self._sockets.append(socket.create_server(address, family=family))
        except OSError:
            for opened in self._sockets:
                opened.close()
            raise
        await self._server.startup(self._sockets)

    async def aclose(self) -> None:
        """Listen no longer, and end what is open."""
        await self._server.shutdown(self._sockets)

    async def _answer(self, scope: Any, _receive: Any, send: Any) -> None:
        status, body, content_type = 200, b"", "text/plain; charset=utf-8"
        if scope["path"] != self._path:
            status = 404
        elif scope["method"] not in ("GET", "HEAD"):
            status = 405
        else:
            accept = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
            body, content_type = await self._page(accept)
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"date", formatdate(usegmt=True).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
