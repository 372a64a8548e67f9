"""One case of the wire suite, and the bytes that cases are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

CRLF = b"\r\n"
JSON = b"content-type: application/json"
HOST = b"host: test"
LINE = b"POST /graphql HTTP/1.1"
Then = Literal["open", "closed", "waits", "any"]
Status = int | tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is sent, and what it means.

    Attributes:
        name: In words.
        sent: Pieces, each of which the server reads by itself.
        answers: The statuses of the final answers, in order; a tuple where the RFCs leave a choice.
        ran: What the resolvers were asked, in order; the answers with 200 say the same.
        then: Whether the connection is `open` for another request, `closed`, or `waits` for more of this one.
        rule: Where it stands.
        interim: The statuses of the interim answers before the first final one; None where it does not matter.
        method: Of the first request.
        is_framing: What it means is decided where messages are told apart: by our own protocol, not by a
            server that holds the application.
    """

    name: str
    sent: tuple[bytes, ...]
    answers: tuple[Status, ...]
    ran: tuple[str, ...] = ()
    then: Then = "closed"
    rule: str = ""
    interim: tuple[int, ...] | None = None
    method: str = "POST"
    is_framing: bool = True

    def __str__(self) -> str:
        return self.name


def asks(text: str) -> bytes:
    """A body whose resolver writes `text` down and says it."""
    return b'{"query":"{ echo(text: \\"%b\\") }"}' % text.encode()


def asks_header(name: str) -> bytes:
    """A body whose resolver says a header of the request."""
    return b'{"query":"{ echo: header(name: \\"%b\\") }"}' % name.encode()


def message(*lines: bytes, body: bytes = b"") -> bytes:
    """A line, headers and a body, as they are."""
    return CRLF.join(lines) + CRLF * 2 + body


def post(text: str | bytes, *headers: bytes, line: bytes = LINE, host: bytes = HOST) -> bytes:
    """A whole request with its length, of a body or of a text to ask for."""
    body = asks(text) if isinstance(text, str) else text
    return message(line, host, JSON, *headers, b"content-length: %d" % len(body), body=body)


def get(text: str, *headers: bytes, version: bytes = b"1.1", host: bytes = HOST) -> bytes:
    """A whole GET."""
    line = b'GET /graphql?query={echo(text:"%b")} HTTP/%b' % (text.encode(), version)
    return message(line.replace(b'"', b"%22"), host, *headers)


def chunk(data: bytes, size: bytes | None = None) -> bytes:
    """One chunk; `size` in place of its own."""
    return b"%b\r\n%b\r\n" % (b"%x" % len(data) if size is None else size, data)


def chunked(
    body: str | bytes,
    *headers: bytes,
    trailers: bytes = b"",
    coding: bytes = b"transfer-encoding: chunked",
    line: bytes = LINE,
) -> bytes:
    """A whole request in one chunk."""
    body = asks(body) if isinstance(body, str) else body
    end = chunk(body) + b"0\r\n" + trailers + CRLF
    return message(line, HOST, JSON, *headers, coding, body=end)


def chunked_raw(chunks: bytes, *headers: bytes) -> bytes:
    """A head that announces chunks, and what follows."""
    return message(LINE, HOST, JSON, *headers, b"transfer-encoding: chunked", body=chunks)


def split_head(sent: bytes) -> tuple[bytes, bytes]:
    """A message's head and the rest."""
    head, mark, rest = sent.partition(CRLF * 2)
    return head + mark, rest


def resized(sent: bytes, length: bytes) -> bytes:
    """A request with another `content-length`; the body stays."""
    return re.sub(rb"content-length: \d+", lambda _: b"content-length: " + length, sent, count=1)


def refused(name: str, *sent: bytes, rule: str, status: Status = 400, method: str = "POST") -> Case:
    """A message that is no message: answered once, closed, nothing behind it is read."""
    behind = post("behind")
    return Case(
        name=name, sent=(*sent[:-1], sent[-1] + behind), answers=(status,), rule=rule, method=method
    )


def fine(
    name: str, *sent: bytes, rule: str, ran: tuple[str, ...] = ("a",), then: Then = "open"
) -> Case:
    """Requests that are answered, each with 200."""
    return Case(name=name, sent=sent, answers=(200,) * len(ran), ran=ran, then=then, rule=rule)
