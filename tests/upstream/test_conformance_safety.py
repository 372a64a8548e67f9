"""What every transport must not do: keep cookies, follow redirects, obey the environment, mend or break lines."""

from __future__ import annotations

import pytest

from gateway.upstream.transport import Header, UpstreamRequest
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


@conforms
async def test_no_cookie_is_kept(kind: str) -> None:
    async with (
        serving(answering(answer(b"", "200 OK", "Set-Cookie: id=1; Path=/"))) as server,
        transport_of(kind) as transport,
    ):
        url = server.url.replace("127.0.0.1", "localhost")
        for _ in range(2):
            assert await call(transport, url) == (200, b"")
    assert [asked.header("cookie") for asked in server.asked] == [None, None]


@conforms
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 T", "308 P"])
async def test_no_redirect_is_followed(kind: str, status: str) -> None:
    sent = answer(b"there", status, "Location: /other")
    async with serving(answering(sent)) as server, transport_of(kind) as transport:
        assert await call(transport, server.url + "/here") == (int(status[:3]), b"there")
    assert [asked.target for asked in server.asked] == ["/here"]


@conforms
async def test_no_proxy_of_the_environment_is_used(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serving(echo) as server, transport_of(kind) as transport:
        assert await call(transport, server.url + "/") == (200, b"/ ")


TARGETS = {
    "dots": "/a/../b/./c//d",
    "encoded": "/%2e%2E/%2F%00%0d%0a?q=%20%zz%",
    "delimiters": "/a;b=c,d/(e)!*'~@:$&+=?x[]=1&x[]=2&y=a/b?c",
    "odd": '/{a}|b\\c^d`e"f<g>',
    "query only": "?a=b",
    "fragment": "/a?b=c#d?e/f",
    "none": "",
    "slashes in the query": "?next=http://elsewhere/x",
}
ON_WIRE = {
    "query only": "/?a=b",
    "fragment": "/a?b=c",
    "none": "/",
    "slashes in the query": "/?next=http://elsewhere/x",
}


@conforms_in({name: (text, ON_WIRE.get(name, text)) for name, text in TARGETS.items()})
async def test_a_target_stands_on_the_wire_as_given(kind: str, case: tuple[str, str]) -> None:
    given, on_wire = case
    async with serving(echo) as server, transport_of(kind) as transport:
        status, _ = await call(transport, server.url + given)
        assert status == 200
    assert server.asked[0].target == on_wire


@conforms
@pytest.mark.parametrize(
    "end",
    ["/a b", "/a\r\nX: y", "/a\nb", "/a\tb", "/a\0b", "/é", "/a HTTP/1.1\r\n\r\nGET /b", "?\x7f"],
)
async def test_a_target_that_would_break_its_line_is_refused(kind: str, end: str) -> None:
    async with serving(echo) as server, transport_of(kind) as transport:
        assert await code_of(call(transport, server.url + end)) == "INVALID_REQUEST_VALUE"
    assert (server.asked, server.connections) == ([], 0)


@conforms
@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "//127.0.0.1/",
        "/a",
        "",
        "http://",
        "http:///a",
        "http://user:secret@127.0.0.1/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:x/",
        "http://127.0.0.1:80\r\nX: y/",
        "http://a b/",
        "http://a\\b/",
        "http://bücher.example/",
        "http://[::1/",
    ],
)
async def test_a_url_without_a_plain_host_is_refused(kind: str, url: str) -> None:
    async with transport_of(kind) as transport:
        assert await code_of(call(transport, url)) == "INVALID_REQUEST_VALUE"


@conforms
@pytest.mark.parametrize(
    "header",
    [
        ("x-a", "b\r\nx-c: d"),
        ("x-a", "b\nx-c: d"),
        ("x-a", "b\rc"),
        ("x-a", "b\0c"),
        ("x-a\r\nx-b", "c"),
        ("x a", "b"),
        ("x-a:", "b"),
        ("", "b"),
        ("x-é", "b"),
        ("x-a", "b\u2028"),
        ("content-length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("connection", "keep-alive"),
        ("upgrade", "websocket"),
        ("expect", "100-continue"),
    ],
    ids=repr,
)
async def test_a_header_that_would_break_the_frame_is_refused(kind: str, header: Header) -> None:
    async with serving(echo) as server, transport_of(kind) as transport:
        for method, body in (("GET", None), ("POST", b"a")):
            code = await code_of(call(transport, server.url, method, body, headers=(header,)))
            assert code == "INVALID_REQUEST_VALUE"
        assert await call(transport, server.url + "/after") == (200, b"/after ")
    assert [asked.target for asked in server.asked] == ["/after"]


@conforms
@pytest.mark.parametrize("method", ["GET /x HTTP/1.1\r\nX:", "GET ", "", "G\r\nT", "GÉT"])
async def test_a_method_that_is_no_token_is_refused(kind: str, method: str) -> None:
    async with serving(echo) as server, transport_of(kind) as transport:
        assert await code_of(call(transport, server.url, method)) == "INVALID_REQUEST_VALUE"
    assert server.asked == []


@conforms
async def test_values_are_sent_as_latin_1(kind: str) -> None:
    async with serving(echo) as server, transport_of(kind) as transport:
        await call(transport, server.url, headers=(("x-a", "caf\xe9"),))
    assert server.asked[0].header("x-a") == "caf\xe9"


@conforms
async def test_headers_keep_their_order(kind: str) -> None:
    given = (("x-b", "1"), ("x-a", "2"), ("x-b", "3"), ("host", "other.test"))
    async with serving(echo) as server, transport_of(kind) as transport:
        await call(transport, server.url, headers=given)
    headers = server.asked[0].headers
    assert [pair for pair in headers if pair[0].startswith("x-")] == list(given[:3])
    assert [value for name, value in headers if name == "host"] == ["other.test"]


@conforms
async def test_a_head_of_the_answer_is_text_as_latin_1(kind: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\nX-N: caf\xe9\r\nContent-Length: 0\r\n\r\n")

    async with serving(script) as server, transport_of(kind) as transport:
        response = await transport.send(UpstreamRequest("GET", server.url, source="s"), soon())
        assert ("x-n", "caf\xe9") in list(response.headers)
        await response.aclose()
