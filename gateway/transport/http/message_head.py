"""The head of one HTTP/1.1 request: what it says, and by RFC 9112 §6 how long the body is.

llhttp checks the grammar; this module alone decides the framing: what stands in the head, and never an `Upgrade`. That
is reported, and who does not take it ignores it (RFC 9110 §7.8).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import httptools

from gateway.transport.http.forwarded import NOBODY_KNOWN, Peer

# Host and port, nothing that could be two hosts or a list (RFC 9110 §7.2, RFC 3986 §3.2.2).
HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]+)(?::[0-9]*)?")
# A target that names the host too, RFC 9112 §3.2.2; user information in it is an error, RFC 9110 §4.2.4.
ABSOLUTE = re.compile(r"https?://([^/?#]*)((?:[/?][^#]*)?)", re.IGNORECASE)
MAX_DIGITS = 18
CHUNKED = -1


class FramingError(Exception):
    """What was sent is no HTTP request, or one whose end cannot be known: the connection ends with an answer.

    Attributes:
        status: Of that answer.
        headers: More of its headers.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


class MessageHead:
    """The head of one request.

    Attributes:
        method, target: As sent.
        path, query_string: Of the target; the path decoded.
        peer: Who sent it, set by the connection.
        root_path: Where the application is mounted: nowhere.
        is_http_11: Else it is HTTP/1.0.
        headers: By lower-case name; repeated ones joined.
        repeated: The values of those that stand more than once.
        length: Of the body, bytes; `CHUNKED` when its chunks tell.
        keep_alive: Whether another request may follow.
        expects_continue: Whether the client waits for a 100 before it sends the body.
        upgrade: The protocol that the client would rather use, in lower case; None without one.
        raw: Its bytes, for whoever takes the connection over.
    """

    __slots__ = (
        "expects_continue",
        "headers",
        "is_http_11",
        "keep_alive",
        "length",
        "method",
        "path",
        "peer",
        "query_string",
        "raw",
        "repeated",
        "target",
        "upgrade",
    )
    root_path = ""

    def __init__(self, raw: bytes, peer: Peer = NOBODY_KNOWN) -> None:
        lines = raw.decode("latin-1").split("\r\n")
        self.raw, self.peer = raw, peer
        self.method, self.target, self.is_http_11 = _read_request_line(lines[0])
        self.headers: dict[str, str] = {}
        self.repeated: dict[str, list[str]] | None = None
        headers = self.headers
        del lines[0], lines[-2:]
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip(" \t")
        if len(headers) != len(lines):
            self.repeated = repeated_headers(headers, lines)
        self._frame()
        target = self.target
        if target[0] != "/" or "#" in target:
            target = self._read_target()
        path, _, query = target.partition("?")
        self.path = unquote(path) if "%" in path else path
        self.query_string = query.encode("latin-1") if query else b""

    def _frame(self) -> None:
        """Where the message ends (RFC 9112 §6.3), and what else of the head concerns the connection."""
        headers = self.headers
        self.length, self.upgrade, self.expects_continue = 0, None, False
        self.keep_alive = self.is_http_11
        host = headers.get("host")
        if host is None:  # RFC 9112 §3.2
            if self.is_http_11:
                raise FramingError(400, "The Host header is missing.")
        elif not is_host(host):
            raise FramingError(400, "The Host header is not one host.")
        length = headers.get("content-length")
        if "transfer-encoding" in headers:
            self._frame_transfer(headers["transfer-encoding"], length)
        elif length is not None:
            # A list is none, as two headers are one. Of Latin-1's characters only the ten digits are decimal.
            if not length.isdecimal() or len(length) > MAX_DIGITS:
                raise FramingError(400, "Content-Length is not one number.")
            self.length = int(length)
        connection = headers.get("connection")
        if connection is not None and connection != "keep-alive":
            options = [option.strip() for option in connection.lower().split(",")]
            if "close" in options:
                self.keep_alive = False
            if "upgrade" in options and "upgrade" in headers:
                self.upgrade = headers["upgrade"].lower()
        expect = headers.get("expect")
        if expect is not None and self.is_http_11:  # RFC 9110 §10.1.1: ignored in HTTP/1.0
            if expect.lower() != "100-continue":
                raise FramingError(417, "The only expectation that is met is 100-continue.")
            self.expects_continue = self.length != 0

    def _read_target(self) -> str:
        """RFC 9112 §3.2: other forms than a path. A host in the target is the request's host, whatever `Host` says."""
        absolute = ABSOLUTE.fullmatch(self.target)
        if absolute is not None and is_host(absolute[1]):
            self.headers["host"] = absolute[1]
            return absolute[2] if absolute[2].startswith("/") else f"/{absolute[2]}"
        if self.method != "CONNECT" and (self.method, self.target) != ("OPTIONS", "*"):
            raise FramingError(400, "The request's target is no path and no URL.")
        return self.target

    def _frame_transfer(self, coding: str, length: str | None) -> None:
        """RFC 9112 §6.1: two lengths, or a coding of HTTP/1.0, are what smuggling is made of."""
        if length is not None or not self.is_http_11:
            raise FramingError(
                400, "Transfer-Encoding stands beside Content-Length or in HTTP/1.0."
            )
        if coding.lower() != "chunked":
            raise FramingError(501, "The only transfer coding that is read is chunked.")
        self.length = CHUNKED


def _read_request_line(line: str) -> tuple[str, str, bool]:
    """Method, target, and whether it is HTTP/1.1 and not 1.0 (RFC 9112 §3). Errors: FramingError(400)."""
    parts = line.split(" ")
    if len(parts) == 3 and line.isascii() and line.isprintable():
        method, target, version = parts
        if method and target and (version == "HTTP/1.1" or version == "HTTP/1.0"):
            return method, target, version == "HTTP/1.1"
    raise FramingError(400, "This is not an HTTP/1.1 request.")


@lru_cache(64)
def is_host(text: str) -> bool:
    """Whether a text is one host, with or without its port."""
    return HOST.fullmatch(text) is not None


def repeated_headers(headers: dict[str, str], lines: list[str]) -> dict[str, list[str]]:
    """Join in `headers` what stands on several lines; the values of each of those. `lines` are all of the head's."""
    repeated: dict[str, list[str]] = {}
    headers.clear()
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        if name in headers:
            repeat_header(headers, repeated, name, value)
        else:
            headers[name] = value
    return repeated


def repeat_header(
    headers: dict[str, str], repeated: dict[str, list[str]], name: str, value: str
) -> None:
    """One more line of a header: joined in `headers`, and one of a list in `repeated`.

    Several lines of cookies are one list of pairs, and one value. Source: RFC 9110 §5.2; RFC 6265 §5.4, RFC 9113
    §8.2.3.
    """
    if name == "cookie":
        headers[name] += f"; {value}"
        return
    repeated.setdefault(name, [headers[name]]).append(value)
    headers[name] += f", {value}"


class _Grammar:
    """What llhttp tells: that the head is whole."""

    is_whole = False

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self.is_whole = True


def check_grammar(raw: bytes) -> None:
    """Whether bytes that end with an empty line are a request's head, by llhttp. Errors: FramingError(400)."""
    grammar = _Grammar()
    parser: Any = httptools.HttpRequestParser(grammar)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass  # it would end the message here; `MessageHead` says where it ends
    except httptools.HttpParserError as exc:
        raise FramingError(400, f"This is not an HTTP/1.1 request: {exc}") from None
    if not grammar.is_whole:
        raise FramingError(400, "This is not an HTTP/1.1 request.")
