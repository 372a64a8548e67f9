"""The bytes of a request head, and what a URL is taken apart into."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.http1.request_head import (
    BadRequest,
    UrlOrigin,
    encode_head,
    parse_origin,
    split_url,
)
from gateway.upstream.transport import UpstreamRequest


def head(request: UpstreamRequest) -> bytes:
    base, target = split_url(request.url)
    return encode_head(request, target, parse_origin(base).authority)


def test_a_get() -> None:
    request = UpstreamRequest("GET", "http://api.test/a?b", [("Accept", "x/y"), ("x-id", "7")])
    assert head(request) == (
        b"GET /a?b HTTP/1.1\r\nhost: api.test\r\nAccept: x/y\r\nx-id: 7\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("method", "body", "line"),
    [
        ("POST", b"abc", b"content-length: 3\r\n"),
        ("GET", b"abc", b"content-length: 3\r\n"),
        ("POST", b"", b"content-length: 0\r\n"),
        ("POST", None, b"content-length: 0\r\n"),
        ("DELETE", None, b""),
    ],
)
def test_a_length(method: str, body: bytes | None, line: bytes) -> None:
    request = UpstreamRequest(method, "http://api.test/", body=body)
    assert head(request) == b"%b / HTTP/1.1\r\nhost: api.test\r\n%b\r\n" % (method.encode(), line)


def test_a_host_of_the_caller_takes_the_place_of_ours() -> None:
    request = UpstreamRequest("GET", "http://api.test/", [("Host", "other.test")])
    assert head(request) == b"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n"


@pytest.mark.parametrize(
    ("base", "origin"),
    [
        ("http://api.test", UrlOrigin(False, "api.test", 80, "api.test")),
        ("http://api.test:80", UrlOrigin(False, "api.test", 80, "api.test")),
        ("http://api.test:443", UrlOrigin(False, "api.test", 443, "api.test:443")),
        ("HTTPS://api.test", UrlOrigin(True, "api.test", 443, "api.test")),
        ("https://api.test:8443", UrlOrigin(True, "api.test", 8443, "api.test:8443")),
        ("http://[::1]", UrlOrigin(False, "::1", 80, "[::1]")),
        ("http://[::1]:8080", UrlOrigin(False, "::1", 8080, "[::1]:8080")),
    ],
)
def test_an_origin(base: str, origin: UrlOrigin) -> None:
    assert parse_origin(base) == origin


text = st.text(st.characters(max_codepoint=0x2100), max_size=12)


@given(text, text, st.lists(st.tuples(text, text), max_size=3))
def test_a_head_has_the_lines_that_were_given_or_is_refused(
    method: str, path: str, headers: list[tuple[str, str]]
) -> None:
    """The invariant: as many lines as headers, the request line and Host; nothing ends a line or adds one."""
    try:
        made = head(UpstreamRequest(method, "http://api.test/" + path, headers, b""))
    except BadRequest:
        return
    lines = made.split(b"\r\n")
    own_host = any(name.lower() == "host" for name, _ in headers)
    assert len(lines) == 1 + (not own_host) + len(headers) + 1 + 2
    assert lines[0].count(b" ") == 2
    assert made.count(b"\r") == made.count(b"\n") == len(lines) - 1
    assert b"\0" not in made


@given(st.text(max_size=30))
def test_any_text_is_a_url_or_refused(url: str) -> None:
    try:
        base, target = split_url(url)
        parse_origin(base)
    except BadRequest:
        return
    assert target.startswith("/")
    assert " " not in target
    assert "#" not in target
