"""Subscriptions as a multipart answer: which requests ask for one, and how its parts are written.

    --graphql ⏎ headers ⏎⏎ {"payload": {…}} ⏎ --graphql ⏎ headers ⏎⏎ {} ⏎ --graphql--

The delimiter that ends a part goes out with it, not with the next one: clients read a part when they have
seen its end. Pure: no I/O.

Source: Apollo's multipart subscription protocol, `subscriptionSpec=1.0`.
"""

from __future__ import annotations

import orjson

from gateway.codings.encode import weight_of
from gateway.response.payloads import PayloadFormat

BOUNDARY = b"--graphql"
OLDER_SPEC = "deferSpec=20220824"
SUBSCRIPTION_SPECS = ("subscriptionSpec=1.0", "subscriptionSpec=1")
KNOWN_SPECS = (OLDER_SPEC, "incrementalSpec=v0.2", *SUBSCRIPTION_SPECS)
HEAD = b"\r\nContent-Type: application/json\r\n\r\n"


class MultipartFormat:
    """Writes the answers of a subscription as parts."""

    takes = "subscription"
    payloads: PayloadFormat = "current"
    content_type = b'multipart/mixed;boundary="graphql";subscriptionSpec=1.0'
    begin = BOUNDARY
    heartbeat = HEAD + b"{}\r\n" + BOUNDARY
    end = b"--\r\n"

    def next(self, body: bytes) -> bytes:
        """The answer to one event."""
        return HEAD + b'{"payload":' + body + b"}\r\n" + BOUNDARY

    def only(self, body: bytes) -> bytes:
        """The one answer of an operation that has no more."""
        return self.next(body)

    def fail(self, body: bytes) -> bytes:
        """The error that ends the stream."""
        errors = orjson.dumps({"payload": None, **orjson.loads(body)})
        return HEAD + errors + b"\r\n" + BOUNDARY


class IncrementalFormat:
    """Writes the payloads of incremental delivery as parts.

    Args:
        spec: The parameter by which the client asked, repeated in the answer: `deferSpec=20220824` is
            Apollo's older format; without one it is the current draft.
    """

    takes = "incremental"
    begin = BOUNDARY
    heartbeat = b""
    end = b"--\r\n"

    def __init__(self, spec: str) -> None:
        self.payloads: PayloadFormat = "20220824" if spec == OLDER_SPEC else "current"
        self.content_type = b'multipart/mixed;boundary="graphql"' + (b";" + spec.encode()) * bool(
            spec
        )

    def next(self, body: bytes) -> bytes:
        """One payload."""
        return HEAD + body + b"\r\n" + BOUNDARY

    def only(self, body: bytes) -> bytes:
        """The one answer of an operation that has no more."""
        return self.fail(body)

    def fail(self, body: bytes) -> bytes:
        """The error that ends the operation before, or in, its payloads."""
        return self.next(body[:-1] + b',"hasNext":false}')


def multipart_specs(accept: str | None) -> list[str]:
    """The specifications of `multipart/mixed` that a client can read; "" is none by name.

    Source: RFC 9110 §12.4.2: what has `q=0` is not acceptable.
    """
    found = []
    for item in (accept or "").split(","):
        kind, _, parameters = item.partition(";")
        if kind.strip().lower() != "multipart/mixed" or not weight_of(parameters.lower()):
            continue
        specs = [part.replace('"', "").strip() for part in parameters.split(";")]
        found.append(next((spec for spec in specs if spec in KNOWN_SPECS), ""))
    return found
