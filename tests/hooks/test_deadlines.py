"""A hook of a source that waits is cut where the call is: nobody waits for it, and the source is not to blame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.testing import GatewayClient
from tests.hooks.project import HOOKS, SCHEMA, write

BEFORE = 'request.headers["x-user"] = request.client.principal.id or "nobody"'
AROUND = 'request.headers["x-signature"] ='
AFTER = "    return response\n"
FOREVER = "await __import__('asyncio').Event().wait()"
WAITING = {
    "before a call": ("as_user", BEFORE, FOREVER),
    "before an attempt is sent": ("sign", AROUND, f"{FOREVER}\n    {AROUND}"),
    "after an attempt is answered": ("sign", AFTER, f"    {FOREVER}\n{AFTER}"),
}
SOURCE = (
    "\n[sources.shop]\ntimeout_s = 0.05\n[sources.shop.circuit_breaker]\nrequest_threshold = 1\n"
)
ROUTER = "\n[traffic_shaping.router]\ntimeout_s = 0.05\n"


async def asked(folder: Path, name: str, hooks: str, more: str) -> tuple[Any, GatewayClient]:
    config = write(folder, name, hooks, more=more)
    client = GatewayClient(config, sources={"shop": {"GET /price/1": {"value": 1}}})
    async with client:
        return await client.execute("{ hello price(id: 1) }"), client


@pytest.mark.parametrize("more", [SOURCE, ROUTER], ids=["of the source", "of the request"])
@pytest.mark.parametrize("where", WAITING)
async def test_a_hook_that_waits_is_cut_at_the_deadline(
    where: str, more: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    function, old, new = WAITING[where]
    assert old in HOOKS
    result, client = await asked(tmp_path, "waits", HOOKS.replace(old, new, 1), more)
    assert result.data == {"hello": "Hello", "price": None}
    (error,) = result.errors
    assert error["path"] == ["price"]
    assert error["extensions"]["code"] == "GATEWAY_TIMEOUT"
    assert error["extensions"]["source"] == "shop"
    assert function not in error["message"]
    assert f"@on_upstream {function} has not ended in the time of the call" in caplog.text
    assert len(client.sources["shop"].calls) == (where == "after an attempt is answered")


@pytest.mark.parametrize("where", WAITING)
async def test_the_breaker_learns_nothing_from_a_hook_that_waits(
    where: str, tmp_path: Path
) -> None:
    _, old, new = WAITING[where]
    config = write(tmp_path, "waits", HOOKS.replace(old, new, 1), more=SOURCE)
    async with GatewayClient(config, sources={"shop": {"GET /price/1": {"value": 1}}}) as client:
        for _ in range(2):
            result = await client.execute("{ price(id: 1) }")
            assert result.errors[0]["extensions"]["code"] == "GATEWAY_TIMEOUT"


async def test_a_call_of_python_ends_at_the_deadline_of_its_source(tmp_path: Path) -> None:
    hooks = HOOKS.replace(BEFORE, FOREVER, 1).replace(
        "def who(parent, context):\n    return context.principal.id",
        "async def who(parent, context):\n"
        "    try:\n"
        '        await context.http.get("http://shop.test/price/1")\n'
        "    except __import__('httpx').TimeoutException:\n"
        '        return "nobody in time"',
    )
    config = write(tmp_path, "calls", hooks, more=SOURCE)
    async with GatewayClient(config, sources={"shop": {"GET /price/1": {"value": 1}}}) as client:
        result = await client.execute("{ who }")
    assert result.data == {"who": "nobody in time"}


OWN = {
    "a timeout before a call": (BEFORE, "raise TimeoutError"),
    "a timeout around an attempt": (AFTER, "    raise TimeoutError\n"),
    "a cancellation around an attempt": (AFTER, "    raise __import__('asyncio').CancelledError\n"),
}


@pytest.mark.parametrize("name", OWN)
async def test_what_is_a_hooks_own_is_an_internal_error(name: str, tmp_path: Path) -> None:
    result, _ = await asked(tmp_path, "own", HOOKS.replace(*OWN[name], 1), "")
    assert result.data == {"hello": "Hello", "price": None}
    assert [error["extensions"]["code"] for error in result.errors] == ["INTERNAL_SERVER_ERROR"]


async def test_the_hook_that_waits_is_named_among_several(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hooks = """
from asyncio import Event

from gateway import on_upstream


@on_upstream("shop", order=1)
async def outer(request, send):
    try:
        return await send(request)
    except ConnectionError:
        await Event().wait()


@on_upstream("shop", order=2)
async def middle(request, send):
    return await send(request)


@on_upstream("shop", order=3)
async def inner(request, send):
    raise ConnectionError
"""
    schema = SCHEMA.partition("type Mutation")[0]
    schema = schema.replace("  hello(a: Int): String\n  who: String\n", "")
    config = write(tmp_path, "several", hooks, schema, SOURCE)
    async with GatewayClient(config, sources={"shop": {"GET /price/1": {"value": 1}}}) as client:
        await client.execute("{ price(id: 1) }")
    assert "@on_upstream outer has not ended" in caplog.text
