"""A private answer is its owner's: two who have the same id of two issuers, or by a key, are not one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OctKey

from gateway.app.config import build_config
from gateway.auth.api_keys import ApiKey, ApiKeys, digest_of_key, make_key, write_api_keys
from gateway.testing import FakeAnswer, FakeSource, GatewayClient
from tests.auth.issuing import token_of
from tests.connectors.scenario import LINK

SDL = (
    LINK
    + """
  @source(name: "s", http: { baseURL: "http://s" })
  @source(name: "plain", http: { baseURL: "http://plain" })
type Query {
  me: Account @connect(source: "s", http: { GET: "/me" }, selection: "number")
  posts: [Post] @connect(source: "plain", http: { GET: "/posts" }, selection: "author: { id: $ }")
}
type Post { author: User }
type Account @cacheControl(scope: PRIVATE) { number: Int }
type User @cacheControl(scope: PRIVATE)
  @connect(source: "s", http: { GET: "/users" queryParams: "id: $batch.id" } selection: "id number") {
  id: ID! number: Int
}
"""
)
SECRETS = {issuer: f"a secret of {issuer} that nobody else knows" for issuer in ("i1", "i2")}
KEY, KEY_ID = make_key("gw", "live")


def by_token(issuer: str | None) -> dict[str, str]:
    key = OctKey.import_key(SECRETS[issuer or "i1"])
    return {"authorization": f"Bearer {token_of(key, 'HS256', iss=issuer)}"}


def alices() -> list[dict[str, str]]:
    """Three clients that are all `alice`, with tokens of now."""
    return [by_token("i1"), by_token("i2"), {"x-api-key": KEY}]


def config_of(folder: Path, private_id: str | None, **jwks: Any) -> Any:
    (folder / "s.graphql").write_text(SDL)
    key = ApiKey(
        id=KEY_ID,
        client="alice",
        digest=digest_of_key(KEY),
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )
    (folder / "keys.json").write_bytes(write_api_keys(ApiKeys((key,))))
    sets = [{"secret": secret, "issuers": [issuer]} for issuer, secret in SECRETS.items()]
    cache: dict[str, Any] = {"enabled": True}
    if private_id is not None:
        cache["private_id"] = private_id
    return build_config({
        "graph": {"schema": [str(folder / "s.graphql")]},
        "sources": {"s": {"cache": cache}},
        "authentication": {
            "jwt": {"jwks": [jwks] if jwks else sets},
            "api_keys": {"file": str(folder / "keys.json")},
        },
    })  # fmt: skip


class Numbers:
    """A backend that numbers its answers, and knows of nobody who asks."""

    def __init__(self) -> None:
        self.calls = 0

    def answer(self, call: Any) -> FakeAnswer:
        self.calls += 1
        body: Any = {"number": self.calls}
        if call.path.startswith("/users"):
            body = [{"id": "1", "number": self.calls}]
        return FakeAnswer(body, headers={"cache-control": "max-age=60"})

    def sources(self) -> dict[str, FakeSource]:
        return {
            "s": FakeSource({"GET /me": self.answer, "GET /users": self.answer}),
            "plain": FakeSource({"GET /posts": lambda _: ["1"]}),
        }


@pytest.mark.parametrize("query", ["{ me { number } }", "{ posts { author { number } } }"])
@pytest.mark.parametrize("private_id", [None, "$principal.id"])
async def test_an_id_is_one_of_its_issuer_alone(
    tmp_path: Path, query: str, private_id: str | None
) -> None:
    backend, clients = Numbers(), alices()
    config = config_of(tmp_path, private_id)
    async with GatewayClient(config, sources=backend.sources()) as client:
        first = [(await client.execute(query, headers=who)).data for who in clients]
        again = [(await client.execute(query, headers=who)).data for who in clients]
    assert backend.calls == len(clients)
    assert again == first
    assert len({str(data) for data in first}) == len(clients)


async def test_a_token_without_an_issuer_is_no_key(tmp_path: Path) -> None:
    """Neither has an issuer: the kind of the principal tells them apart."""
    backend = Numbers()
    config = config_of(tmp_path, None, secret=SECRETS["i1"])
    async with GatewayClient(config, sources=backend.sources()) as client:
        for who in (by_token(None), {"x-api-key": KEY}):
            result = await client.execute("{ me { number } }", headers=who)
            assert not result.errors
    assert backend.calls == 2


async def test_a_private_call_is_joined_by_its_own_principal_alone(tmp_path: Path) -> None:
    """The backend gets the same request of all of them, at once."""
    clients = alices()
    everybody = [*clients, clients[0], {}]
    waits = asyncio.Event()
    calls = 0

    async def answer(_: Any) -> FakeAnswer:
        nonlocal calls
        calls += 1
        if calls == len(clients) + 1:
            waits.set()
        async with asyncio.timeout(30):
            await waits.wait()
        return FakeAnswer({"number": calls}, headers={"cache-control": "max-age=60"})

    sources = {"s": FakeSource({"GET /me": answer}), "plain": FakeSource({})}
    async with GatewayClient(config_of(tmp_path, None), sources=sources) as client:
        asked = [client.execute("{ me { number } }", headers=who) for who in everybody]
        found = await asyncio.gather(*asked)
    assert all(not result.errors for result in found)
    assert calls == len(clients) + 1
