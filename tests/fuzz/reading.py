"""The reader of requests as a function of pieces, and what must hold of it beside others' readers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gateway.transport.http.message_head import FramingError, MessageHead
from gateway.transport.http.reader import RequestReader
from tests.fuzz.oracles import Message, message, read_by_h11, read_by_llhttp

MAX_HEAD = 2_000
# llhttp and h11 refuse what frames a message where it cannot: among its trailers. Ours drops it (RFC 9112 §7.1.2).
FRAMING_TRAILER = re.compile(
    rb"\n0+[^\n]*\n(?:[^\n]+\n)*?(?i:content-length|transfer-encoding)[^\n]*:"
)
# The same of white space before an extension, which has to be read (RFC 9112 §7.1.1, RFC 9110 §5.6.3).
BAD_WHITE_SPACE = re.compile(rb"\n[0-9A-Fa-f]+[ \t]+;")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read.

    Attributes:
        messages: Whole requests.
        end: `waits` for more, `refused`, or `over`: the last message was the connection's last.
    """

    messages: list[Message]
    end: Literal["waits", "refused", "over"]


def message_of(head: MessageHead, body: bytes) -> Message:
    """A request as the oracles have it."""
    lines = head.raw[:-4].decode("latin-1").split("\r\n")[1:]
    fields = [line.partition(":") for line in lines]
    headers = (
        (name.lower().encode("latin-1"), value.strip(" \t").encode("latin-1"))
        for name, _, value in fields
    )
    version = b"1.1" if head.is_http_11 else b"1.0"
    return message(head.method.encode(), head.target.encode(), version, headers, body)


def read(pieces: Iterable[bytes]) -> Reading:
    """Every request in bytes that come in pieces."""
    reader = RequestReader(MAX_HEAD)
    found: list[Message] = []
    head: MessageHead | None = None
    body = b""
    try:
        for piece in pieces:
            reader.feed(piece)
            while True:
                if head is None:
                    head, body = reader.next_head(), b""
                    if head is None:
                        break
                while part := reader.next_body():
                    body += part
                if part is None:
                    break
                found.append(message_of(head, body))
                if not head.keep_alive or head.method == "CONNECT":
                    return Reading(found, "over")
                head = None
    except FramingError as exc:
        assert 400 <= exc.status < 600  # noqa: PT017 - the status is what is asserted
        return Reading(found, "refused")
    return Reading(found, "waits")


def check_against_oracles(data: bytes) -> None:
    """Errors: AssertionError where a request is read that both refuse, or otherwise than by one of them."""
    ours = read([data])
    others = [read_by_h11(data), read_by_llhttp(data)]
    for number, ours_read in enumerate(ours.messages):
        before = ours.messages[:number]
        agreeing = [other for other in others if other[:number] == before]
        read_too = [other[number] for other in agreeing if len(other) > number]
        if not read_too and (FRAMING_TRAILER.search(data) or BAD_WHITE_SPACE.search(data)):
            return
        assert read_too, f"read by nobody else: {ours_read}"
        assert all(each == ours_read for each in read_too), (ours_read, read_too)


def reader(data: bytes) -> None:
    """Requests mean one thing, however they are cut; and nothing is read that h11 and llhttp both refuse."""
    whole = read([data])
    assert read(data[at : at + 1] for at in range(len(data))) == whole
    middle = len(data) // 2
    assert read([data[:middle], data[middle:]]) == whole
    check_against_oracles(data)


SEEDS = (
    b'POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-length: 13\r\n\r\n{"query":"a"}GET / HTTP/1.1\r\nhost: a\r\n\r\n',
    b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nx: y\r\n\r\nPOST / HTTP/1.0\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: h2c\r\ncontent-length: 37\r\n\r\nPOST /inner HTTP/1.1\r\nhost: a\r\n\r\nabcGET / HTTP/1.1\r\nhost: b\r\n\r\n",
    b"GET http://a:80/b?c HTTP/1.1\r\nhost: [::1]:80\r\naccept:\t*/* \r\nconnection: close\r\n\r\n",
    b"\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
    b"CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
)
