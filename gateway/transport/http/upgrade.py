"""When a connection becomes a WebSocket, and what uvicorn's WebSockets are given of it. Pure: no I/O."""

from __future__ import annotations

import re

from gateway.transport.http.message_head import FramingError, MessageHead

KEY = re.compile(r"[A-Za-z0-9+/]{22}==")  # 16 bytes


def is_handshake(message: MessageHead) -> bool:
    """Whether an offer to change to WebSockets can be taken: its request has no body. Errors: FramingError(426), (400).

    Source: RFC 6455 §4.1, §4.2.2 and §4.4.
    """
    if message.method != "GET" or not message.is_http_11 or message.length:
        return False
    if message.headers.get("sec-websocket-version") != "13":
        version = {"sec-websocket-version": "13", "upgrade": "websocket"}
        raise FramingError(426, "The only version of WebSockets is 13.", version)
    if not KEY.fullmatch(message.headers.get("sec-websocket-key", "")):
        raise FramingError(400, "The WebSocket's key is missing, or is none.")
    return True


def handshake(message: MessageHead) -> bytes:
    """The head of a WebSocket's handshake as uvicorn's WebSockets take it: ASGI's names are in lower case."""
    first, *lines = message.raw.split(b"\r\n")
    for number, line in enumerate(lines):
        name, colon, value = line.partition(b":")
        lines[number] = name.lower() + colon + value
    return b"\r\n".join((first, *lines))
