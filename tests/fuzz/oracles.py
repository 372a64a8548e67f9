"""What others read of a client's bytes: h11, and llhttp through httptools. Neither is asked what it would answer.

A message is what has to be equal: method, target, headers as a list, body. Where a reader stops, it has refused, or
waits for more, or has read the last message of its connection: nobody may take for a message what both refuse.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import h11
import httptools

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Message:
    """One request, whole. Names of headers are in lower case; trailers are no part of it."""

    method: bytes
    target: bytes
    version: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def message(
    method: bytes,
    target: bytes,
    version: bytes,
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes,
) -> Message:
    """A message; h11 writes the name of a transfer coding in lower case, and so does this for everybody."""
    fields = tuple(
        (name, value.lower() if name == b"transfer-encoding" else value) for name, value in headers
    )
    return Message(method, target, version, fields, body)


def read_by_h11(data: bytes) -> list[Message]:
    """The messages that h11 reads until it refuses or waits.

    It knows no empty line before a request; that is RFC 9112 §2.2.
    """
    found: list[Message] = []
    while True:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 24)
        connection.receive_data(data.removeprefix(b"\r\n"))
        try:
            message = one_by_h11(connection)
        except h11.RemoteProtocolError:
            return found
        if message is None:
            return found
        found.append(message)
        data, _ = connection.trailing_data
        connection.send(h11.Response(status_code=404, headers=[("content-length", "0")]))
        connection.send(h11.EndOfMessage())
        if connection.our_state is not h11.DONE:
            return found


def one_by_h11(connection: h11.Connection) -> Message | None:
    """The first message; None when it is not whole. Errors: RemoteProtocolError."""
    head: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            return message(head.method, head.target, head.http_version, head.headers, body)
        else:
            return None


class Llhttp:
    """The callbacks of httptools."""

    def __init__(self) -> None:
        self.found: list[Message] = []
        self.parser: Any = httptools.HttpRequestParser(self)
        self.is_over = False

    def on_message_begin(self) -> None:
        self.url = self.body = b""
        self.headers: Headers = []
        self.is_body = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_body:  # else it is a trailer
            self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.is_body = True
        self.method = self.parser.get_method()
        self.version = self.parser.get_http_version().encode()
        self.is_last = not self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        if not self.is_over:
            self.found.append(message(self.method, self.url, self.version, self.headers, self.body))
            self.is_over = self.is_last


def read_by_llhttp(data: bytes) -> list[Message]:
    """The messages that llhttp reads until it refuses, waits, or takes an offer to upgrade for taken."""
    reader = Llhttp()
    try:
        reader.parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        return reader.found[:-1]  # it has no eye for the body of such a message
    except httptools.HttpParserError:
        pass
    return reader.found
