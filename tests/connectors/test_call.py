"""What one connector asks of its backend: equal reads are one call, a write ends what was read, waits are counted."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.connectors import call as module
from gateway.connectors.call import ConnectorCall
from gateway.context import Context
from gateway.errors import UpstreamError
from gateway.upstream.caller import CallStats
from gateway.upstream.transport import Fetched, UpstreamRequest


class Backend:
    """Answers with the number of the call; each takes a second of the clock."""

    def __init__(self, fails: bool = False) -> None:
        self.now = 0.0
        self.calls = 0
        self.fails = fails

    async def fetch(self, request: UpstreamRequest, context: Context) -> Fetched:
        self.calls += 1
        number = self.calls
        await asyncio.sleep(0)
        self.now += 1
        if self.fails:
            raise UpstreamError("GATEWAY_TIMEOUT", source=request.source)
        return Fetched(200, [], b"%d" % number)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Backend:
    backend = Backend()
    monkeypatch.setattr(module, "perf_counter", lambda: backend.now)
    return backend


def context_of(backend: Backend) -> Context:
    return cast(Context, SimpleNamespace(memo={}, stats=CallStats(), upstream=backend))


def call_of(*, is_read: bool = True, max_requests: int = 10) -> ConnectorCall:
    unused: Any = None
    call = ConnectorCall(*[unused] * 14)
    call.is_read, call.max_requests = is_read, max_requests
    return call


def request(url: str = "http://a/", **more: Any) -> UpstreamRequest:
    return UpstreamRequest("GET", url, source="s", **more)


async def test_equal_reads_are_one_call(backend: Backend) -> None:
    context, read = context_of(backend), call_of()
    both = await asyncio.gather(*(read.fetch(request(), context) for _ in range(2)))
    assert [one.body for one in (*both, await read.fetch(request(), context))] == [b"1"] * 3
    assert (await read.fetch(request("http://a/other"), context)).body == b"2"
    assert context.stats.by_source == {"s": 2}
    assert context.stats.wait_s == 2


async def test_what_may_change_until_it_is_sent_is_a_call_of_its_own(backend: Backend) -> None:
    context, read = context_of(backend), call_of()
    for number in (b"1", b"2"):
        assert (await read.fetch(request(on_send=lambda: None), context)).body == number
    assert (await read.fetch(request(), context)).body == b"3"
    assert context.stats.wait_s == 3


async def test_a_write_ends_what_was_read(backend: Backend) -> None:
    context, read, write = context_of(backend), call_of(), call_of(is_read=False)
    assert (await read.fetch(request(), context)).body == b"1"
    assert (await write.fetch(request(), context)).body == b"2"
    assert (await read.fetch(request(), context)).body == b"3"
    assert context.stats.wait_s == 3


async def test_a_write_ends_what_is_being_read_for_those_who_come_later(backend: Backend) -> None:
    context, read, write = context_of(backend), call_of(), call_of(is_read=False)
    written, before = await asyncio.gather(
        write.fetch(request(), context), read.fetch(request(), context)
    )
    assert (written.body, before.body) == (b"1", b"2")
    assert (await read.fetch(request(), context)).body == b"3"


@pytest.mark.parametrize("is_read", [True, False])
async def test_a_failure_is_waited_for_and_told_to_equal_reads(
    backend: Backend, is_read: bool
) -> None:
    backend.fails = True
    context, call = context_of(backend), call_of(is_read=is_read)
    found = await asyncio.gather(
        *(call.fetch(request(), context) for _ in range(2)), return_exceptions=True
    )
    assert [getattr(error, "code", None) for error in found] == ["GATEWAY_TIMEOUT"] * 2
    with pytest.raises(UpstreamError):
        await call.fetch(request(), context)
    # Two writes at once end after one second and after two.
    assert (backend.calls, context.stats.wait_s) == ((1, 1) if is_read else (3, 4))


@pytest.mark.parametrize("is_read", [True, False])
async def test_more_requests_than_may_be_are_not_sent(backend: Backend, is_read: bool) -> None:
    context, call = context_of(backend), call_of(is_read=is_read, max_requests=1)
    await call.fetch(request(), context)
    with pytest.raises(UpstreamError) as caught:
        await call.fetch(request("http://a/other"), context)
    assert caught.value.code == "REQUEST_LIMIT_EXCEEDED"
    assert backend.calls == context.stats.wait_s == 1
