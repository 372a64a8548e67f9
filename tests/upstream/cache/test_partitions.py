"""Nobody is answered what was made for another: random clients, operations and freshness, over memory and Redis, one
after the other and at once.

The invariants: the backend answers with all that it was sent, and what a client gets is what its own request sends; an
answer that is private, by the schema or by its headers, reaches one principal alone, and of those without a name one
request. `CACHE_REQUESTS=100000 pytest tests/upstream/cache/test_partitions.py` asks more often.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
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
  @source(name: "merged", http: { baseURL: "http://merged" })
type Query {
  page(id: Int!): Page @connect(source: "s", http: { GET: "/pages/{$args.id}" }, selection: "sent")
  own: Own @connect(source: "s", http: { GET: "/own" }, selection: "sent")
  open(id: Int!): Page @connect(source: "plain", http: { GET: "/open/{$args.id}" }, selection: "sent number")
  mine(id: Int!): Mine @connect(source: "plain", http: { GET: "/mine/{$args.id}" }, selection: "number")
  posts(ids: String!): [Post] @connect(source: "plain", http: { GET: "/ids/{$args.ids}" },
    selection: "$.ids { author: { id: $ } reader: { id: $ } guest: { id: $ } }")
}
type Page { sent: String number: Int }
type Own @cacheControl(scope: PRIVATE) { sent: String }
type Mine @cacheControl(scope: PRIVATE) { number: Int }
type Post { author: User reader: Reader guest: Guest }
type User @connect(source: "s", http: { GET: "/users" queryParams: "id: $batch.id" } selection: "id sent") {
  id: ID! sent: String
}
type Reader @cacheControl(scope: PRIVATE)
  @connect(source: "plain", http: { GET: "/readers" queryParams: "id: $batch.id" } selection: "id number") {
  id: ID! number: Int
}
type Guest @cacheControl(scope: PRIVATE)
  @connect(source: "merged", http: { GET: "/guests" queryParams: "id: $batch.id" } selection: "id number") {
  id: ID! number: Int
}
"""
)
CONTROLS = ["max-age=60", "public, max-age=60", "private, max-age=60", "no-store", "max-age=0", ""]


TURNS = 6
"""Of the event loop that the backend takes at most: meanwhile others ask the same."""


class Echo:
    """A backend that answers with what it was sent, and numbers its answers.

    Attributes:
        private: The numbers of answers that are one principal's.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.calls = 0
        self.private: set[int] = set()

    def source(self) -> FakeSource:
        return FakeSource({
            "GET /pages/{id}": self.page, "GET /own": self.page, "GET /open/{id}": self.page,
            "GET /mine/{id}": self.mine,
            "GET /ids/{ids}": lambda call: {"ids": call.params["ids"].split("-")},
            "GET /users": self.users, "GET /readers": self.readers, "GET /guests": self.readers,
        })  # fmt: skip

    async def _answer(self, make: Callable[[int], Any], *, is_private: bool = False) -> FakeAnswer:
        self.calls += 1
        number = self.calls
        for _ in range(self._rng.randrange(TURNS)):
            await asyncio.sleep(0)
        control = self._rng.choice(CONTROLS)
        if is_private or control.startswith("private"):
            self.private.add(number)
        headers = {"cache-control": control} if control else {}
        # What is `public` depends on what its `Vary` names.
        if control.startswith("public"):
            headers["vary"] = "x-tenant, X-Sub"
        return FakeAnswer(make(number), headers=headers)

    async def page(self, call: FakeCall) -> FakeAnswer:
        said = sent(call.headers, call.path)
        return await self._answer(lambda number: {"sent": said, "number": number})

    async def mine(self, _: FakeCall) -> FakeAnswer:
        return await self._answer(lambda number: {"number": number}, is_private=True)

    async def users(self, call: FakeCall) -> FakeAnswer:
        rows = [{"id": id_, "sent": sent(call.headers, f"user {id_}")} for id_ in ids_of(call)]
        return await self._answer(lambda _: rows)

    async def readers(self, call: FakeCall) -> FakeAnswer:
        ids = ids_of(call)
        return await self._answer(
            lambda number: [{"id": id_, "number": number} for id_ in ids], is_private=True
        )


def ids_of(call: FakeCall) -> list[str]:
    return [part.partition("=")[2] for part in call.path.partition("?")[2].split("&")]


def sent(headers: Any, what: str) -> str:
    """What a backend knows of who asks."""
    return f"{what} {headers.get('x-tenant')} {headers.get('x-sub')}"


class Crowd:
    """Clients that ask at random, and what they have got.

    Attributes:
        owners: By the number of an answer that is private, who has got it.
    """

    def __init__(self, rng: Random, echo: Echo, tokens: dict[str, str]) -> None:
        self._rng, self._echo, self._tokens = rng, echo, tokens
        self.owners: dict[int, set[object]] = {}

    async def ask(self, client: GatewayClient, ids: list[str], fields: list[str]) -> None:
        """Ask as anybody."""
        rng = self._rng
        name, tenant = rng.choice((None, *self._tokens)), rng.choice((None, "a", "b"))
        headers = {} if name is None else {"authorization": f"Bearer {self._tokens[name]}"}
        headers |= {} if tenant is None else {"x-tenant": tenant}
        id_, posts = ids[0], f'posts(ids: "{"-".join(ids)}")'
        texts = {
            "page": f"page(id: {id_}) {{ sent }}",
            "own": "own { sent }",
            "open": f"open(id: {id_}) {{ sent number }}",
            "mine": f"mine(id: {id_}) {{ number }}",
            "posts": f"{posts} {{ author {{ sent }} }}",
            "readers": f"readers: {posts} {{ reader {{ number }} }}",
            "guests": f"guests: {posts} {{ guest {{ number }} }}",
        }
        query = "{ " + " ".join(texts[field] for field in fields) + " }"
        result = await client.execute(query, headers=headers)
        assert not result.errors
        seen = {"x-tenant": tenant, "x-sub": name}
        wanted = {
            "page": {"sent": sent(seen, f"/pages/{id_}")},
            "own": {"sent": sent(seen, "/own")},
            "posts": [{"author": {"sent": sent(seen, f"user {one}")}} for one in ids],
        }
        numbers = []
        for field, value in result.data.items():
            if field == "open":
                assert value["sent"] == sent({}, f"/open/{id_}")
            if field in wanted:
                assert value == wanted[field]
            elif isinstance(value, dict):
                numbers.append(value["number"])
            else:
                numbers += [inner["number"] for item in value for inner in item.values()]
        who = object() if name is None else name
        for number in numbers:
            if number in self._echo.private:
                self.owners.setdefault(number, set()).add(who)


FIELDS = ("page", "own", "open", "mine", "posts", "readers", "guests")


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
        "sources": {
            "s": {"cache": cache}, "plain": {"cache": cache},
            "merged": {"cache": cache, "batch_across_requests": True},
        },
        "authentication": {"jwt": {"jwks": [{"secret": SECRET}]}},
        "redis": {"url": redis_url},
        "response_cache": {"redis": {"enabled": tier == "redis", "lease_s": 0}},
        "logs": {"access": "off"},
    })  # fmt: skip
    echo, key = Echo(rng), OctKey.import_key(SECRET)
    tokens = {name: token_of(key, "HS256", sub=name, exp=4e9) for name in ("ann", "bob", "eve")}
    crowd = Crowd(rng, echo, tokens)
    sources = {name: echo.source() for name in ("s", "plain", "merged")}
    async with (
        GatewayClient(config, sources=sources) as one,
        GatewayClient(config, sources=sources) as two,
    ):
        asked = 0
        while asked < REQUESTS:
            if rng.random() < 0.02:
                purge = [{"kind": "subgraph", "subgraph": "s"}]
                await one.app.worker.commands.actions["POST", "/invalidation"](Command("t", purge))
                await asyncio.sleep(0)
            client = rng.choice((one, two))
            ids = [str(rng.randrange(5)) for _ in range(rng.randrange(1, 4))]
            fields = rng.sample(FIELDS, rng.randrange(1, 4))
            many = rng.choice((1, 1, 1, 8))  # equal operations at once, of whomever
            await asyncio.gather(*(crowd.ask(client, ids, fields) for _ in range(many)))
            asked += many
        lookups: dict[str, int] = {}
        for pod in (one, two):
            for (_, _, result_), count in pod.app.worker.upstream.counters.cache_lookups.items():
                lookups[result_] = lookups.get(result_, 0) + count
    assert [who for who in crowd.owners.values() if len(who) > 1] == []
    assert len(crowd.owners) > REQUESTS / 50
    wanted = {"hit", "miss"} | ({"shared_hit"} if tier == "redis" else set())
    assert wanted <= set(lookups)
