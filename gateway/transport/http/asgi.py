"""What the endpoints share of ASGI: its types, and the headers of a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

MAX_CLIENT_NAME = 128
# In the lifespan's state: how many bytes of a head that is not whole a server keeps.
MAX_HEAD = "gateway.max_header_bytes"


class ClientDisconnectedError(Exception):
    """The client went away before its request was whole: there is nobody to answer."""


def client_header(headers: dict[str, str], what: str) -> str | None:
    """The client's name or version by either convention, cut to what a log line should hold."""
    value = headers.get("graphql-client-" + what) or headers.get("apollographql-client-" + what)
    return value[:MAX_CLIENT_NAME] if value else None


def read_headers(
    raw: Sequence[tuple[bytes, bytes]],
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """ASGI's headers by name: values joined, and values as lists.

    Several `cookie` headers are one list of pairs (RFC 6265 §5.4, RFC 9113 §8.2.3), and one value.
    """
    headers: dict[str, str] = {}
    values: dict[str, list[str]] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name == "cookie" and name in headers:
            headers[name] += f"; {value}"
            values[name] = [headers[name]]
        elif name in headers:
            headers[name] += f", {value}"
            values[name].append(value)
        else:
            headers[name] = value
            values[name] = [value]
    return headers, values
