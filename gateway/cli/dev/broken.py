"""What is served while no version can be: a page that says why, and the same as a GraphQL error.

It looks again by itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from gateway.transport.asgi import Receive, Scope, Send

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="1">
<title>This does not start yet</title>
<link rel="icon" href="data:,">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color-scheme: light dark; max-width: 60em; margin: 3em auto; padding: 0 1em; }}
li {{ font-family: ui-monospace, monospace; font-size: 14px; margin: .5em 0; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>This does not start yet</h1>
<ul>
{items}
</ul>
<p>Save a mended file; this page looks again by itself.</p>
</body>
</html>
"""


class BrokenApp:
    """An ASGI application that tells what is wrong.

    Args:
        problems: A line for each.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        items = "\n".join(f"<li>{escape(line)}</li>" for line in problems)
        self._page = PAGE.format(items=items).encode()
        errors = [{"message": line, "extensions": {"code": "UNAVAILABLE"}} for line in problems]
        self._errors = json.dumps({"errors": errors}).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 503 to everything."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1011})
            return
        wants = dict(scope["headers"]).get(b"accept", b"")
        is_page = scope["method"] == "GET" and b"text/html" in wants
        kind = b"text/html; charset=utf-8" if is_page else b"application/json"
        body = self._page if is_page else self._errors
        headers = [(b"content-type", kind), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})
