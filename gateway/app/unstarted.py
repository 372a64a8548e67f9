"""What a gateway answers before its lifespan has begun. It has nothing of a gateway by then."""

from __future__ import annotations

import logging

from gateway.transport.asgi import Receive, Scope, Send

UNSTARTED = (
    "The gateway has not been started: the application that it is mounted in does not run its lifespan. "
    'Starlette(routes=[Mount("/api", gateway)], lifespan=gateway.lifespan) runs it; inside a lifespan of your own, '
    "async with gateway.lifespan(): yield does."
)


async def refuse_unstarted(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 503 and say why: nothing of a gateway is there before its lifespan has begun."""
    logging.getLogger("gateway").error(UNSTARTED)
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1011})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": UNSTARTED.encode()})
