"""Compressed answers on every transport: whole, in pieces, cut short, false, and bombs; on real sockets."""

from __future__ import annotations

import gzip
import sys
import zlib

import brotli
import pytest

from gateway.upstream import content
from gateway.upstream.transport import UpstreamRequest
from tests.upstream.wire import (
    Wire,
    answer,
    answering,
    call,
    code_of,
    conforms,
    conforms_in,
    echo,
    serving,
    soon,
    transport_of,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"".join(b'{"id": %d, "title": "title of %d"}' % (n, n * 7919) for n in range(20_000))


def bare_deflate(data: bytes) -> bytes:
    """Without the zlib header that RFC 9110 asks for; some backends send it."""
    made = zlib.compressobj(wbits=-15)
    return made.compress(data) + made.flush()


CODED = {
    "gzip": ("gzip", gzip.compress(TEXT), TEXT),
    "x-gzip": ("X-GZip", gzip.compress(TEXT), TEXT),
    "gzip small": ("gzip", gzip.compress(b"{}"), b"{}"),
    "gzip of nothing": ("gzip", gzip.compress(b""), b""),
    "gzip of two members": ("gzip", gzip.compress(b"one") + gzip.compress(b"two"), b"onetwo"),
    "deflate": ("deflate", zlib.compress(TEXT), TEXT),
    "bare deflate": ("deflate", bare_deflate(TEXT), TEXT),
    "br": ("br", brotli.compress(TEXT, quality=9), TEXT),
    "zstd": ("zstd", zstd.compress(TEXT), TEXT),
    "zstd of two frames": ("zstd", zstd.compress(b"one") + zstd.compress(b"two"), b"onetwo"),
    "gzip, then br": ("gzip, br", brotli.compress(gzip.compress(TEXT), quality=9), TEXT),
    "gzip twice": ("gzip, gzip", gzip.compress(gzip.compress(TEXT)), TEXT),
    "gzip and identity": ("gzip, identity", gzip.compress(TEXT), TEXT),
    "identity": ("identity", TEXT, TEXT),
    "no body": ("gzip", b"", b""),
}
Coded = tuple[str, bytes, bytes]


@conforms_in(CODED)
async def test_whole_and_in_pieces(kind: str, case: Coded) -> None:
    coding, coded, text = case
    sent = answer(coded, "200 OK", f"Content-Encoding: {coding}")
    async with serving(answering(sent)) as server, transport_of(kind) as transport:
        response = await transport.send(UpstreamRequest("GET", server.url, source="s"), soon())
        assert ("content-encoding", coding) in list(response.headers)
        assert await response.read_body(1 << 20) == text
        response = await transport.send(UpstreamRequest("GET", server.url, source="s"), soon())
        assert b"".join([piece async for piece in response.aiter_bytes()]) == text
        await response.aclose()
        assert await call(transport, server.url, max_bytes=len(text)) == (200, text)
    assert server.connections == 1


@conforms
@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate"])
async def test_byte_by_byte(kind: str, coding: str) -> None:
    _, coded, _ = CODED[coding]
    text = TEXT[:100]
    coded = {"gzip": gzip.compress, "br": brotli.compress, "zstd": zstd.compress, "deflate": zlib.compress}[coding](text)  # fmt: skip

    async def script(wire: Wire) -> None:
        await wire.request()
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        await wire.send(head.encode())
        for byte in coded:
            await wire.send(b"1\r\n%c\r\n" % byte)
        await wire.send(b"0\r\n\r\n")

    async with serving(script) as server, transport_of(kind) as transport:
        assert await call(transport, server.url) == (200, text)


BOMB = bytes(20_000_000)
BOMBS = {
    "gzip": ("gzip", gzip.compress(BOMB)),
    "br": ("br", brotli.compress(BOMB, quality=5)),
    "zstd": ("zstd", zstd.compress(BOMB)),
}


@conforms_in(BOMBS)
async def test_a_bomb_stops_at_the_limit(kind: str, case: tuple[str, bytes]) -> None:
    coding, coded = case
    sent = answer(coded, "200 OK", f"Content-Encoding: {coding}")
    async with serving(answering(sent)) as server, transport_of(kind) as transport:
        code = await code_of(call(transport, server.url, max_bytes=1_000_000))
        assert code == "RESPONSE_TOO_LARGE"


FALSE = {
    "gzip that is none": ("gzip", b"\0\1 neither gzip nor text"),
    "gzip cut short": ("gzip", gzip.compress(TEXT)[:-20]),
    "gzip with a false sum": ("gzip", gzip.compress(b"text")[:-8] + b"\0" * 8),
    "deflate cut short": ("deflate", zlib.compress(TEXT)[:-20]),
    "br that is none": ("br", b"\xff" * 40),
    "br cut short": ("br", brotli.compress(TEXT, quality=9)[:-20]),
    "zstd that is none": ("zstd", b"\0\1 neither zstd nor text"),
    "gzip of nothing but padding": ("gzip", gzip.compress(b"") * 90_000),
    "zstd cut short": ("zstd", zstd.compress(TEXT)[:-20]),
    "unknown": ("compress", b"\x1f\x9d\x90 not text"),
}


@conforms_in(FALSE)
async def test_a_false_or_cut_body_is_an_error(kind: str, case: tuple[str, bytes]) -> None:
    coding, coded = case
    sent = answer(coded, "200 OK", f"Content-Encoding: {coding}")
    async with serving(answering(sent)) as server, transport_of(kind) as transport:
        assert await code_of(call(transport, server.url)) == "CONNECTOR_RESPONSE_INVALID"


ODD = {
    "none": ("none", TEXT),
    "binary": ("binary", TEXT),
    "utf-8": ("utf-8", TEXT),
    "an empty one": ("", TEXT),
    "gzip that is plain text": ("gzip", TEXT),
    "gzip said twice": ("gzip, gzip", gzip.compress(TEXT)),
    "a line behind gzip": ("gzip", gzip.compress(TEXT) + b"\n"),
}


@conforms_in(ODD)
async def test_what_the_head_says_is_held_against_the_bytes(
    kind: str,
    case: tuple[str, bytes],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coding, coded = case
    monkeypatch.setattr(content, "_told", set())
    sent = answer(coded, "200 OK", f"Content-Encoding: {coding}")
    async with serving(answering(sent)) as server, transport_of(kind) as transport:
        for _ in range(2):
            assert await call(transport, server.url) == (200, TEXT)
    assert server.connections == 1
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == (1 if coding else 0), "once, and nothing where nothing is odd"


@conforms
async def test_no_coding_is_asked_for(kind: str) -> None:
    async with serving(echo) as server, transport_of(kind) as transport:
        await call(transport, server.url)
    assert server.asked[0].header("accept-encoding") is None
