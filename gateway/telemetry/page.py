"""One page on a port of its own: for who collects numbers.

It knows nothing of what the page says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

Page = Callable[[str], Awaitable[tuple[bytes, str]]]


class PageApp:
    """An ASGI application with one page.

    Args:
        path: Of the page; anything else is 404.
        page: Gives the body and its content type, for what a client accepts.
    """

    def __init__(self, path: str, page: Page) -> None:
        self._path = path
        self._page = page

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        """Answer one request."""
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
