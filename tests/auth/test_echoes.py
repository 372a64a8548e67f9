"""Many principals at once, with everything shared that may be: nobody gets what was made for somebody else.

`python -m tests.auth.test_echoes 100000 1000` runs as many requests of as many principals; the suite runs fewer.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp

from gateway.auth.api_keys import ApiKeys, make_key, write_api_keys
from tests.auth.issuing import ISSUER, ec_key, key_set, token_of
from tests.auth.test_api_keys import kept
from tests.support.backend import Asked, backend
from tests.transport.served import served
from tests.transport.sockets import connected

SDL = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect", "@source"])
@source(name: "api", http: { baseURL: "http://backend.invalid" })
type Query {
  url: String @connect(source: "api", http: { GET: "/u/{$principal.id}" }, selection: "$.target")
  header: String @connect(source: "api", http: { GET: "/h" }, selection: "$.user")
  resolved: String
  open: String @connect(source: "api", http: { GET: "/open" }, selection: "$.target")
  gold: String @requiresScopes(scopes: [["gold"]]) @connect(source: "api", http: { GET: "/gold" }, selection: "$.user")
  rows(ids: [ID!]!): [Row!]
}
type Subscription { me: String! }
type Row @connect(source: "api", http: { GET: "/rows", queryParams: "id: $batch.id" }, batch: { maxSize: 50 }, selection: "id owner: user") {
  id: ID! owner: String
}
"""
RESOLVERS = """
import asyncio
from gateway import resolver, subscription

@resolver("Query.resolved", vary=["$principal.id"])
async def resolved(parent, context):
    await asyncio.sleep(0)
    return context.principal.id

@resolver("Query.rows", vary=())
def rows(parent, context, ids):
    return [{"id": i} for i in ids]

@subscription("Subscription.me", shared=True, vary=["$principal.id"])
async def me(parent, context):
    yield context.principal.id
"""
CONFIG = """
[graph]
schema = ["schema.graphql"]
resolvers = "echo_resolvers"
[logs]
access = "off"
slow = "off"
[batching]
enabled = true
[sources.api]
url = "{url}"
[[headers.all.request]]
propagate = {{ matching = "^x-" }}
[[headers.all.request]]
insert = {{ name = "x-user", value_from = "$principal.id" }}
[[authentication.jwt.jwks]]
file = "jwks.json"
issuers = ["{issuer}"]
[authentication.api_keys]
file = "keys.json"
"""
LATER = 4_102_444_800  # a run by hand may take longer than a token of the tests
QUERIES = (
    "{ url }",
    "{ header }",
    "{ resolved }",
    "{ url header resolved open }",
    '{ rows(ids: ["1", "2"]) { owner } header }',
    "{ gold header }",
)


def echo(asked: Asked) -> Any:
    user = dict(asked.headers).get("x-user")
    if asked.target.startswith("/rows"):
        ids = [part.removeprefix("id=") for part in asked.target.partition("?")[2].split("&")]
        return [{"id": id_, "user": user} for id_ in ids]
    return {"target": asked.target, "user": user}


class Somebody:
    """A principal, and what it may be answered."""

    def __init__(self, number: int, key: str | None) -> None:
        self.is_gold = number % 3 == 0
        self.id = f"client{number}" if key else f"user{number}"
        scope = "gold" if self.is_gold else ""
        self.headers = (
            {"x-api-key": key}
            if key
            else {
                "authorization": f"Bearer {token_of(ec_key(), sub=self.id, scope=scope, exp=LATER)}"
            }
        )

    def wrong(self, data: Any) -> list[str]:
        """What in an answer is not its own."""
        found = []
        for name, value in (data or {}).items():
            wanted: Any = {
                "url": f"/u/{self.id}",
                "open": "/open",
                "gold": self.id if self.is_gold else None,
                "rows": [{"owner": self.id}] * 2,
                "me": self.id,
            }.get(name, self.id)
            if value != wanted:
                found.append(f"{self.id}: {name} is {value!r}")
        return found


def project(folder: Path, url: str, count: int) -> list[Somebody]:
    made = [make_key("gw", "live")[0] if number % 2 else None for number in range(count)]
    keys = [
        kept(key, client=f"client{number}", scopes=("gold",) if number % 3 == 0 else ())
        for number, key in enumerate(made)
        if key
    ]
    (folder / "schema.graphql").write_text(SDL)
    (folder / "echo_resolvers.py").write_text(RESOLVERS)
    (folder / "jwks.json").write_text(json.dumps(key_set(ec_key())))
    (folder / "keys.json").write_bytes(write_api_keys(ApiKeys(tuple(keys))))
    (folder / "gateway.toml").write_text(CONFIG.format(url=url, issuer=ISSUER))
    return [Somebody(number, key) for number, key in enumerate(made)]


async def run(folder: Path, requests: int, count: int) -> tuple[Counter[str], list[str], int]:
    """How each was sent and answered, what was wrong, and how many calls the backend saw."""
    rng, sent, wrong = random.Random(1), Counter[str](), list[str]()
    async with backend(echo) as server:
        people = project(folder, server.url, count)
        async with served(folder / "gateway.toml") as running, aiohttp.ClientSession() as session:
            left = iter(range(requests))

            async def work() -> None:
                for _ in left:
                    who, query = rng.choice(people), rng.choice(QUERIES)
                    how = rng.choices(HOWS, WEIGHTS)[0]
                    spoof = {"x-user": rng.choice(people).id}
                    given = await how(session, running.url, who, query, spoof)
                    sent[how.__name__] += 1
                    for data in given:
                        if data is None:
                            wrong.append(f"{who.id}: no data by {how.__name__}")
                        wrong.extend(who.wrong(data))

            await asyncio.gather(*(work() for _ in range(32)))
    return sent, wrong, len(server.asked)


async def by_post(session: Any, url: str, who: Somebody, query: str, spoof: Any) -> list[Any]:
    headers = {**spoof, **who.headers}
    async with session.post(url, json={"query": query}, headers=headers) as answer:
        return [(await answer.json()).get("data")]


async def by_get(session: Any, url: str, who: Somebody, query: str, spoof: Any) -> list[Any]:
    headers = {**spoof, **who.headers, "apollo-require-preflight": "1"}
    async with session.get(url, params={"query": query}, headers=headers) as answer:
        return [(await answer.json()).get("data")]


async def by_id(session: Any, url: str, who: Somebody, query: str, spoof: Any) -> list[Any]:
    digest = {"version": 1, "sha256Hash": sha256(query.encode()).hexdigest()}
    body = {"query": query, "extensions": {"persistedQuery": digest}}
    headers = {**spoof, **who.headers}
    async with session.post(url, json=body, headers=headers) as answer:
        return [(await answer.json()).get("data")]


async def by_batch(session: Any, url: str, who: Somebody, query: str, spoof: Any) -> list[Any]:
    body = [{"query": query}, {"query": "{ header }"}, {"query": query}]
    async with session.post(url, json=body, headers={**spoof, **who.headers}) as answer:
        return [one.get("data") for one in await answer.json()]


async def by_stream(session: Any, url: str, who: Somebody, query: str, spoof: Any) -> list[Any]:
    headers = {**spoof, **who.headers, "accept": "text/event-stream"}
    asked = {"query": "subscription { me }" if "url" in query else query}
    async with session.post(url, json=asked, headers=headers) as answer:
        text = (await answer.read()).decode()
    lines = [
        line[5:] for line in text.splitlines() if line.startswith("data:") and line[5:].strip()
    ]
    return [json.loads(line).get("data") for line in lines]


async def by_socket(_session: Any, url: str, who: Somebody, query: str, spoof: Any) -> list[Any]:
    async with connected(url, {**spoof, **who.headers}) as client:
        await client.subscribe(query, "1")
        await client.subscribe("subscription { me }", "2")
        found: list[Any] = []
        while len(found) < 2:
            message = await client.hear()
            if message["type"] == "next":
                found.append(message["payload"]["data"])
            assert message["type"] != "error", message
        return found


HOWS = (by_post, by_get, by_id, by_batch, by_stream, by_socket)
WEIGHTS = (50, 15, 15, 10, 6, 4)


async def test_nobody_gets_a_foreign_echo(tmp_path: Path) -> None:
    sent, wrong, calls = await run(tmp_path, 400, 40)
    assert wrong == []
    assert len(sent) == len(HOWS)
    assert calls > 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(asyncio.run(run(Path(name), int(sys.argv[1]), int(sys.argv[2]))))
