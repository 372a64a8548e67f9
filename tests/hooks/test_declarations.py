"""What hooks declare: what is told where they keep something from being shared, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.testing import FakeAnswer, GatewayClient
from tests.hooks.project import SCHEMA, gateway, write

PRICES = SCHEMA.partition("type Mutation")[0].replace(
    "  hello(a: Int): String\n  who: String\n", ""
)
UPSTREAM = """
from gateway import on_upstream


@on_upstream("shop"{vary})
def tell(request):
    request.headers["x-tenant"] = request.client.headers["x-tenant"]
"""


def test_a_hook_that_declares_nothing_keeps_its_source_from_being_shared(tmp_path: Path) -> None:
    write(tmp_path, "undeclared", UPSTREAM.format(vary=""), PRICES)
    checked = gateway("check", folder=tmp_path)
    assert checked.exit_code == 0
    assert "warning: @on_upstream tell does not declare `vary=`, so nothing of the sources shop is shared" in checked.stdout  # fmt: skip
    planned = gateway("plan", "{ price(id: 1) }", folder=tmp_path)
    assert "not shared: @on_upstream tell (" in planned.stdout
    assert "undeclared.py:5) may read anything of a client: declare vary=" in planned.stdout


def test_a_plan_says_by_what_a_hook_lets_clients_share(tmp_path: Path) -> None:
    write(tmp_path, "declared", UPSTREAM.format(vary=', vary="x-tenant"'), PRICES)
    planned = gateway("plan", "{ price(id: 1) }", folder=tmp_path)
    assert "shared by clients with equal x-tenant" in planned.stdout


def test_a_hook_around_attempts_keeps_nothing_from_being_shared(tmp_path: Path) -> None:
    hooks = """
from gateway import on_upstream


@on_upstream()
async def sign(request, send):
    return await send(request)
"""
    write(tmp_path, "signing_only", hooks, PRICES)
    assert "0 errors, 0 warnings" in gateway("check", folder=tmp_path).stderr
    planned = gateway("plan", "{ price(id: 1) }", folder=tmp_path)
    assert "shared by all clients" in planned.stdout


WRONG = {
    "@on_request()\ndef f(): ...": "@on_request f must take (request)",
    "@on_operation()\ndef f(request): ...": "@on_operation f must take (operation, request)",
    "@on_upstream('shop')\ndef f(): ...": "@on_upstream f must take (request) or (request, send)",
    "@on_upstream('shops')\ndef f(request): ...": "@on_upstream f: there is no source `shops`",
    "@on_upstream('shop', vary='x-a')\nasync def f(request, send): ...": "@on_upstream f stands around attempts",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_hook_of_the_wrong_shape_is_found(text: str, tmp_path: Path) -> None:
    write(tmp_path, "wrong_hooks", f"from gateway import on_operation, on_request, on_upstream\n{text}\n", PRICES)  # fmt: skip
    checked = gateway("check", folder=tmp_path)
    assert checked.exit_code == 1
    assert WRONG[text] in checked.stdout
    assert "wrong_hooks.py:2: error:" in checked.stdout


DECIDES = """
from gateway import on_operation


@on_operation({vary})
def decide(operation, request):
    pass
"""


@pytest.mark.parametrize(
    ("vary", "kept_by"), [("vary=()", "public"), ("vary='x-a'", "private"), ("", "private")]
)
async def test_answers_are_for_no_shared_cache_where_a_hook_may_decide_by_the_client(
    vary: str, kept_by: str, tmp_path: Path
) -> None:
    more = "\n[sources.shop.cache]\nenabled = true\n[response_cache]\nclient_headers = true\n"
    config = write(tmp_path, "deciding", DECIDES.format(vary=vary), PRICES, more)
    answer = FakeAnswer({"value": 1}, headers={"cache-control": "public, max-age=60"})
    sources = {"shop": {"GET /price/1": answer}}
    async with GatewayClient(config, sources=sources) as client:
        params = {"query": "{ price(id: 1) }"}
        headers = {"apollo-require-preflight": "1"}
        got = await client.http.get("/graphql", params=params, headers=headers)
    assert got.json() == {"data": {"price": 1}}
    assert kept_by in got.headers["cache-control"]
    planned = gateway("plan", "{ price(id: 1) }", folder=tmp_path)
    is_told = "no shared cache may keep an answer: @on_operation decide (" in planned.stdout
    assert is_told == (kept_by == "private")
