"""Nobody is answered what was made for another: random clients, operations and freshness, over memory and Redis.

The invariant: the backend answers with all that it was sent, and what a client gets is what its own request sends.
`CACHE_REQUESTS=100000 pytest tests/upstream/cache/test_partitions.py` asks more often.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest
from joserfc.jwk import OctKey

from gateway.admin.commands import Command
from gateway.app.config import build_config
from gateway.testing import FakeAnswer, FakeCall, FakeSource, GatewayClient
from tests.auth.issuing import token_of
from tests.connectors.scenario import LINK

REQUESTS = int(os.environ.get("CACHE_REQUESTS", "1200"))
SECRET = "a secret of the issuer that nobody knows"
SDL = (
    LINK
    + """
  @source(name: "s", http: { baseURL: "http://s", headers: [
    { name: "x-tenant", from: "x-tenant" }, { name: "x-sub", value: "{$request.claims.sub}" }] })
  @source(name: "plain", http: { baseURL: "http://plain" })
type Query {
  page(id: Int!): Page @connect(source: "s", http: { GET: "/pages/{$args.id}" }, selection: "sent")
  own: Own @connect(source: "s", http: { GET: "/own" }, selection: "sent")
  open(id: Int!): Page @connect(source: "plain", http: { GET: "/open/{$args.id}" }, selection: "sent")
  posts(ids: String!): [Post]
    @connect(source: "plain", http: { GET: "/ids/{$args.ids}" }, selection: "$.ids { author: { id: $ } }")
}
type Page { sent: String }
type Own @cacheControl(scope: PRIVATE) { sent: String }
type Post { author: User }
type User @connect(source: "s", http: { GET: "/users" queryParams: "id: $batch.id" } selection: "id sent") {
  id: ID! sent: String
}
"""
)
CONTROLS = ["max-age=60", "public, max-age=60", "private, max-age=60", "no-store", "max-age=0", ""]


class Echo:
    """A backend that answers with what it was sent. What is `public` depends on what its `Vary` names."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.calls = 0

    def source(self) -> FakeSource:
        return FakeSource({
            "GET /pages/{id}": self.page, "GET /own": self.page, "GET /open/{id}": self.page,
            "GET /ids/{ids}": lambda call: {"ids": call.params["ids"].split("-")},
            "GET /users": self.users,
        })  # fmt: skip

    def _answer(self, body: Any) -> FakeAnswer:
        self.calls += 1
        control = self._rng.choice(CONTROLS)
        headers = {"cache-control": control} if control else {}
        if control.startswith("public"):
            headers["vary"] = "x-tenant, X-Sub"
        return FakeAnswer(body, headers=headers)

    def page(self, call: FakeCall) -> FakeAnswer:
        return self._answer({"sent": sent(call.headers, call.path)})

    def users(self, call: FakeCall) -> FakeAnswer:
        ids = [part.partition("=")[2] for part in call.path.partition("?")[2].split("&")]
        return self._answer([{"id": id_, "sent": sent(call.headers, f"user {id_}")} for id_ in ids])


def sent(headers: Any, what: str) -> str:
    """What a backend knows of who asks."""
    return f"{what} {headers.get('x-tenant')} {headers.get('x-sub')}"


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("tier", ["memory", "redis"])
async def test_nobody_is_answered_what_was_made_for_another(
    tmp_path: Path, tier: str, redis_url: str
) -> None:
    rng = Random(f"partitions {tier}")
    (tmp_path / "s.graphql").write_text(SDL)
    cache = {
        "enabled": True, "private_id": "$principal.id", "negative_ttl_s": 5,
        "stale_while_revalidate_s": 1, "stale_if_error_s": 5,
    }  # fmt: skip
    config = build_config({
        "graph": {"schema": [str(tmp_path / "s.graphql")]},
        "sources": {"s": {"cache": cache}, "plain": {"cache": cache}},
        "authentication": {"jwt": {"jwks": [{"secret": SECRET}]}},
        "redis": {"url": redis_url},
        "response_cache": {"redis": {"enabled": tier == "redis", "lease_s": 0}},
        "logs": {"access": "off"},
    })  # fmt: skip
    echo, key = Echo(rng), OctKey.import_key(SECRET)
    tokens = {name: token_of(key, "HS256", sub=name, exp=4e9) for name in ("ann", "bob", "eve")}
    async with (
        GatewayClient(config, sources={"s": echo.source(), "plain": echo.source()}) as one,
        GatewayClient(config, sources={"s": echo.source(), "plain": echo.source()}) as two,
    ):
        for number in range(REQUESTS):
            if number % 300 == 299:
                purge = [{"kind": "subgraph", "subgraph": "s"}]
                await one.app.worker.commands.actions["POST", "/invalidation"](Command("t", purge))
                await asyncio.sleep(0)
            client = rng.choice((one, two))
            name, tenant = rng.choice((None, *tokens)), rng.choice((None, "a", "b"))
            headers = {} if name is None else {"authorization": f"Bearer {tokens[name]}"}
            headers |= {} if tenant is None else {"x-tenant": tenant}
            seen = {"x-tenant": tenant, "x-sub": name}
            id_, ids = rng.randrange(6), [str(rng.randrange(5)) for _ in range(rng.randrange(1, 4))]
            fields: dict[str, tuple[str, Any]] = {
                "page": (f"page(id: {id_}) {{ sent }}", {"sent": sent(seen, f"/pages/{id_}")}),
                "own": ("own { sent }", {"sent": sent(seen, "/own")}),
                "open": (f"open(id: {id_}) {{ sent }}", {"sent": sent({}, f"/open/{id_}")}),
                "posts": (
                    f'posts(ids: "{"-".join(ids)}") {{ author {{ sent }} }}',
                    [{"author": {"sent": sent(seen, f"user {one_id}")}} for one_id in ids],
                ),
            }
            chosen = rng.sample(sorted(fields), rng.randrange(1, 4))
            query = "{ " + " ".join(fields[field][0] for field in chosen) + " }"
            result = await client.execute(query, headers=headers)
            assert result.data == {field: fields[field][1] for field in chosen}, result.errors
        lookups: dict[str, int] = {}
        for pod in (one, two):
            for (_, _, result_), count in pod.app.worker.upstream.counters.cache_lookups.items():
                lookups[result_] = lookups.get(result_, 0) + count
        wanted = {"hit", "miss"} | ({"shared_hit"} if tier == "redis" else set())
        assert wanted <= set(lookups)
