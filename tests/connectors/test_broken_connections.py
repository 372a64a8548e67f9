"""Backends that cannot be reached, fall silent, break off or send too much: one located error, no internals."""

from __future__ import annotations

import asyncio
import gzip
import socket
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.scenario import SOURCE, Scenario, execute, use_path
from tests.support.backend import Answer, Asked

SDL = (
    SOURCE
    + """type Query {
  a: A @connect(source: "b", http: { GET: "/a" }, selection: "text", errors: { message: "$.text" extensions: "code: $('MAPPED')" })
  good: A @connect(http: { GET: "BASE/good" }, selection: "text")
}
type A { text: String }"""
)
QUERY = "{ a { text } good { text } }"
GOOD = {"text": "good"}
JSON = ("content-type", "application/json")
PACKED = (JSON, ("content-encoding", "gzip"))


UNREACHED = {
    "message": "The source could not be reached.",
    "extensions": {"code": "HTTP_CLIENT_ERROR", "source": "b"},
}
SILENT = {
    "message": "The source did not answer in time.",
    "extensions": {"code": "GATEWAY_TIMEOUT", "source": "b"},
}


@pytest.fixture(params=["compiled", "graphql-core"], autouse=True)
def _path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    use_path(request.param, monkeypatch)


@asynccontextmanager
async def raw_backend(answer: bytes | None) -> AsyncIterator[str]:
    """A backend that sends these very bytes and closes; None never answers."""
    ended = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await ended.wait()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        ended.set()
        server.close()
        await server.wait_closed()


async def asked_of(url: str, folder: Path, **settings: Any) -> dict[str, Any]:
    """The one error of the field, once the other field is found unhurt."""
    tables = {"sources": {"b": settings}} if settings else {}
    sdl = SDL.replace('baseURL: "BASE"', f'baseURL: "{url}"')
    result, _ = await execute(
        Scenario(sdl, QUERY, {"/good": GOOD}, None, (), tables=tables), folder
    )
    assert result.status == 200
    assert result.data == {"a": None, "good": GOOD}
    (error,) = result.errors
    assert error.pop("locations") == [{"line": 1, "column": 3}]
    assert error.pop("path") == ["a"]
    assert error["extensions"]["source"] == "b"
    assert "127.0.0.1" not in str(error)
    return error


async def test_a_connection_that_is_refused(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = await asked_of(f"http://127.0.0.1:{port}", tmp_path)
    assert error == UNREACHED


async def test_a_backend_that_does_not_answer_in_time(tmp_path: Path) -> None:
    async with raw_backend(None) as url:
        error = await asked_of(url, tmp_path, timeout_s=0.02)
    assert error == SILENT


BREAKING_OFF = {
    "at once": b"",
    "in the head": b"HTTP/1.1 200 OK\r\ncontent-ty",
    "in the body": b'HTTP/1.1 200 OK\r\ncontent-length: 99\r\ncontent-type: application/json\r\n\r\n{"text": "x"}',
    "in a chunk": b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\nff\r\n{"text"',
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
}


@pytest.mark.parametrize("answer", BREAKING_OFF.values(), ids=BREAKING_OFF.keys())
async def test_a_backend_that_breaks_off(answer: bytes, tmp_path: Path) -> None:
    async with raw_backend(answer) as url:
        error = await asked_of(url, tmp_path)
    assert error == UNREACHED


def _bomb() -> bytes:
    """40 MB of JSON in 40 KB."""
    return gzip.compress(b'{"text": "' + b"a" * 40_000_000 + b'"}')


TOO_LARGE = {
    "plain": Answer({"text": "a" * 2000}),
    "a gzip bomb": Answer(_bomb(), 200, PACKED),
    "deflate": Answer(zlib.compress(b'{"text": "' + b"a" * 100_000 + b'"}'), 200, (JSON, ("content-encoding", "deflate"))),
    "an error's body": Answer({"text": "a" * 2000}, 500),
}  # fmt: skip


@pytest.mark.parametrize("answer", TOO_LARGE.values(), ids=TOO_LARGE.keys())
async def test_an_answer_above_its_sources_size(answer: Answer, tmp_path: Path) -> None:
    def answering(asked: Asked) -> Any:
        return GOOD if asked.target == "/good" else answer

    tables = {"sources": {"b": {"max_response_size_bytes": 1000}}}
    result, _ = await execute(Scenario(SDL, QUERY, answering, None, (), tables=tables), tmp_path)
    assert result.data == {"a": None, "good": GOOD}
    (error,) = result.errors
    assert (error["path"], error["extensions"]["code"]) == (["a"], "RESPONSE_TOO_LARGE")


async def test_the_default_size_stops_a_gzip_bomb(tmp_path: Path) -> None:
    answers = {"/a": TOO_LARGE["a gzip bomb"], "/good": GOOD}
    result, _ = await execute(Scenario(SDL, QUERY, answers, None, ()), tmp_path)
    assert result.data == {"a": None, "good": GOOD}
    assert [error["extensions"]["code"] for error in result.errors] == ["RESPONSE_TOO_LARGE"]


async def test_an_answer_that_is_not_the_gzip_it_says(tmp_path: Path) -> None:
    answers = {"/a": Answer(b'{"text": "x"}', 200, PACKED), "/good": GOOD}
    result, _ = await execute(Scenario(SDL, QUERY, answers, None, ()), tmp_path)
    assert result.data == {"a": {"text": "x"}, "good": GOOD}
    assert not result.errors


async def test_an_answer_that_cannot_be_decoded(tmp_path: Path) -> None:
    answers = {"/a": Answer(b"\0\1\2", 200, PACKED), "/good": GOOD}
    result, asked = await execute(Scenario(SDL, QUERY, answers, None, ()), tmp_path)
    assert result.data == {"a": None, "good": GOOD}
    codes = [error["extensions"]["code"] for error in result.errors]
    assert codes == ["CONNECTOR_RESPONSE_INVALID"]
    assert [one.target for one in asked].count("/a") == 1, "it was reached: once is enough"
