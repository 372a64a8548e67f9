"""What the Python backends have in common on the wire: request counts at `/__stats`, and a latency.

It wraps an ASGI application and looks at nothing but the request's head.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

MAX_LATENCY_MS = 60_000
# A batch is another endpoint than the list at the same path.
BATCH_PARAMETERS = ("ids", "video_ids", "channel_ids")


class Instrumented:
    """An application that counts its requests by endpoint and can be slowed down.

    Args:
        app: What answers.
        name: The backend's name: `DEMO_CATALOG_LATENCY_MS`, else `DEMO_LATENCY_MS`, slows every request.
    """

    def __init__(self, app: ASGIApp, name: str) -> None:
        self.app = app
        self.counts: Counter[str] = Counter()
        named = os.environ.get(f"DEMO_{name.upper()}_LATENCY_MS")
        self.latency = named or os.environ.get("DEMO_LATENCY_MS") or "0"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"] == "/__stats":
            await self._stats(scope)(scope, receive, send)
            return
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        self.counts[endpoint_of(scope["method"], scope["path"], query)] += 1
        asked = query.get("latency_ms") or Headers(scope=scope).get("x-demo-latency-ms")
        latency_s = parse_latency_ms(asked or self.latency) / 1000
        if latency_s:
            await asyncio.sleep(latency_s)
        await self.app(scope, receive, send)

    def _stats(self, scope: Scope) -> JSONResponse:
        if scope["method"] in ("POST", "DELETE"):
            self.counts.clear()
        counts = dict(sorted(self.counts.items()))
        return JSONResponse({"requests": counts, "total": self.counts.total()})


def parse_latency_ms(text: str) -> int:
    """Milliseconds, from 0 to a minute; what is no number is 0."""
    return min(int(text), MAX_LATENCY_MS) if text.isascii() and text.isdigit() else 0


def endpoint_of(method: str, path: str, query: dict[str, str]) -> str:
    """The name under which a request is counted: `GET /videos`, `GET /videos?ids`, `GET /videos/{id}`."""
    first, slash, _ = path.strip("/").partition("/")
    batch = next((f"?{name}" for name in BATCH_PARAMETERS if name in query), "")
    return f"{method} /{first}{'/{id}' if slash else ''}{batch}"
