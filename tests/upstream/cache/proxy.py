"""A reverse proxy that is nothing but our transport and our cache: the public suite for HTTP caches runs against it.

`python -m tests.upstream.cache.proxy --origin http://127.0.0.1:8000 --port 8001`, then the suite's own command
line; see CONTRIBUTING.md. Never part of the gateway.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from typing import Any

import uvicorn

from gateway.errors import UpstreamError
from gateway.upstream.build_transport import build_transport
from gateway.upstream.cache.memory import MemoryCache
from gateway.upstream.cache.response_cache import ResponseCache
from gateway.upstream.cache.settings import SourceCacheSettings
from gateway.upstream.settings import SourceSettings
from gateway.upstream.transport import Fetched, UpstreamRequest

HOP_BY_HOP = {"connection", "host", "keep-alive", "content-length", "transfer-encoding", "te"}
RULES = SourceCacheSettings(trust_vary=True, heuristic=True, stale_if_error_s=3600)


class Proxy:
    """An ASGI application in front of one origin."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.cache = ResponseCache("origin", RULES, MemoryCache(2**26), self.counts)
        self.transport: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        self.transport = self.transport or build_transport(SourceSettings())
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        query = scope["query_string"].decode("latin-1")
        url = self.origin + scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]]
        headers = [(name, value) for name, value in headers if name not in HOP_BY_HOP]
        request = UpstreamRequest(scope["method"], url, headers, body or None)
        try:
            if request.method == "GET":
                response = await self.cache.answer(request, self.fetch, self.fetch)
            else:
                response = await self.fetch(request)
                self.cache.write(request, response)
        except UpstreamError as exc:
            response = Fetched(502, [], str(exc).encode())
        sent = [(n, v) for n, v in response.headers if n not in HOP_BY_HOP]
        if response.status not in (204, 304):
            sent.append(("content-length", str(len(response.body))))
        await send({
            "type": "http.response.start",
            "status": response.status,
            "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in sent],
        })  # fmt: skip
        await send({"type": "http.response.body", "body": response.body})

    async def fetch(self, request: UpstreamRequest) -> Fetched:
        """The origin's answer."""
        deadline = asyncio.get_running_loop().time() + 10
        response = await self.transport.send(request, deadline)
        return Fetched(response.status, list(response.headers), await response.read_body(2**24))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.upstream.cache.proxy")
    parser.add_argument("--origin", default="http://127.0.0.1:8000")
    parser.add_argument("--port", type=int, default=8001)
    options = parser.parse_args()
    app = Proxy(options.origin)
    uvicorn.run(
        app,
        port=options.port,
        lifespan="off",
        log_level="warning",
        date_header=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
