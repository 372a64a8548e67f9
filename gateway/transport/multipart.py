"""Subscriptions as a multipart answer: which requests ask for one, and how its parts are written.

    --graphql ⏎ headers ⏎⏎ {"payload": {…}} ⏎ --graphql ⏎ headers ⏎⏎ {} ⏎ --graphql--

The delimiter that ends a part goes out with it, not with the next one: clients read a part when they have
seen its end. Pure: no I/O.

Source: Apollo's multipart subscription protocol, `subscriptionSpec=1.0`.
"""

from __future__ import annotations

import orjson

BOUNDARY = b"--graphql"
HEAD = b"\r\nContent-Type: application/json\r\n\r\n"


class MultipartFormat:
    """Writes the answers of a subscription as parts."""

    for_all = False
    content_type = b'multipart/mixed;boundary="graphql";subscriptionSpec=1.0'
    begin = BOUNDARY
    heartbeat = HEAD + b"{}\r\n" + BOUNDARY
    end = b"--\r\n"

    def next(self, body: bytes) -> bytes:
        """The answer to one event."""
        return HEAD + b'{"payload":' + body + b"}\r\n" + BOUNDARY

    def fail(self, body: bytes) -> bytes:
        """The error that ends the stream."""
        errors = orjson.dumps({"payload": None, **orjson.loads(body)})
        return HEAD + errors + b"\r\n" + BOUNDARY


def wants_multipart(accept: str | None) -> bool:
    """Whether a client can read a subscription as a multipart answer."""
    for item in (accept or "").split(","):
        kind, _, parameters = item.partition(";")
        if kind.strip().lower() != "multipart/mixed":
            continue
        for parameter in parameters.split(";"):
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "subscriptionspec" and value.strip(' "') in ("1", "1.0"):
                return True
    return False
