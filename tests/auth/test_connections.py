"""Who asks over connections that stay open: how they show it, what they share, and how they end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict

from gateway.auth.api_keys import ApiKey, ApiKeys, make_key, write_api_keys
from gateway.transport.expiry import REASON
from tests.auth.issuing import AUDIENCE, ISSUER, ec_key, key_set, token_of
from tests.auth.test_api_keys import NOW, kept
from tests.transport.served import Served, served
from tests.transport.sockets import connected
from tests.transport.test_streaming import EVENTS, MULTIPART, asked, next_event

SCHEMA = """
type Query { me: String params: String heard: [String] }
type Mutation { save: String }
type Subscription { me: String! shared: String! forever: Int! }
"""
RESOLVERS = """
import asyncio

from gateway import resolver, subscription

OPENED, GATE = [], asyncio.Event()


@resolver("Mutation.save", vary=["$principal.id"])
async def save(parent, context):
    OPENED.append("saving")
    await GATE.wait()
    return context.principal.id


@resolver("Query.me", vary=["$principal.id"])
def me(parent, context):
    return context.principal.id


@resolver("Query.params")
def params(parent, context):
    return " ".join(sorted(context.connection_params))


@resolver("Query.heard", vary=["authorization", "x-api-key"])
def heard(parent, context):
    return [context.headers.get("authorization"), context.headers.get("x-api-key")]


@subscription("Subscription.me")
async def events(parent, context):
    yield f"{context.principal.id}"
    await asyncio.Event().wait()


@subscription("Subscription.shared", shared=True, vary=["$principal.id"])
async def shared(parent, context):
    OPENED.append(context.principal.id)
    yield f"{context.principal.id}"
    await asyncio.Event().wait()


@subscription("Subscription.forever", vary=())
async def forever(parent, context):
    await asyncio.Event().wait()
    yield 0
"""
CONFIG = """
[graph]
schema = ["schema.graphql"]
resolvers = "connection_resolvers"
[logs]
access = "off"
[authentication.jwt]
leeway_s = 0
cookie = "session"
[[authentication.jwt.jwks]]
file = "jwks.json"
issuers = ["{issuer}"]
audiences = ["{audience}"]
[authentication.api_keys]
file = "keys.json"
"""


@pytest.fixture
async def server(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    more = getattr(request, "param", "")
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "connection_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "jwks.json").write_text(json.dumps(key_set(ec_key())))
    (tmp_path / "keys.json").write_bytes(write_api_keys(ApiKeys()))
    text = CONFIG.format(issuer=ISSUER, audience=AUDIENCE) + more
    (tmp_path / "gateway.toml").write_text(text)
    async with served(tmp_path / "gateway.toml") as running:
        yield running


LIFETIME_S = 6 * 3600
"""Of the tokens here: those of parameters are made before all tests run."""


def token(**claims: Any) -> str:
    return token_of(ec_key(), **{"exp": int(time.time()) + LIFETIME_S, **claims})


def bearer(**claims: Any) -> str:
    return f"Bearer {token(**claims)}"


async def use_keys(server: Served, folder: Path, *keys: ApiKey) -> None:
    (folder / "keys.json").write_bytes(write_api_keys(ApiKeys(keys)))
    assert server.app.auth.keys is not None
    await server.app.auth.keys.look()


def expire(server: Served) -> None:
    """Let the time come at which every token of the test has ended."""
    auth = server.app.auth
    later = time.time() + LIFETIME_S + 1000
    auth._clock = auth.leases.clock = lambda: later
    auth.leases.look_again()


@pytest.mark.parametrize(
    ("params", "headers"),
    [
        ({"Authorization": bearer()}, {}),
        ({"authorization": bearer()}, {"authorization": bearer(sub="handshake")}),
        ({"authToken": token()}, {}),
        ({"authToken": bearer()}, {}),
        ({"authorization": None}, {"authorization": bearer()}),
        (None, {"authorization": bearer()}),
        ({"other": 1}, {"cookie": f"session={token()}"}),
    ],
)
async def test_a_socket_shows_who_it_is(server: Served, params: Any, headers: Any) -> None:
    async with connected(server, params, headers=headers) as client:
        await client.subscribe("{ me params }")
        answer = (await client.hear())["payload"]["data"]
        assert answer == {"me": "alice", "params": "other" if params == {"other": 1} else ""}


@pytest.mark.parametrize("params", [{}, None, {"authorization": None, "X-API-Key": None}])
async def test_a_socket_without_a_token_is_nobodys(server: Served, params: Any) -> None:
    async with connected(server, params) as client:
        await client.subscribe("{ me params }")
        assert (await client.hear())["payload"]["data"] == {"me": None, "params": ""}


async def test_what_is_passed_on_is_what_was_verified(server: Served, tmp_path: Path) -> None:
    """A handshake's header is not verified where `connection_init` has another: nobody hears of it."""
    text, _ = make_key("gw", "live")
    await use_keys(server, tmp_path, kept(text))
    forged = [("authorization", "Bearer forged"), ("x-api-key", "forged"), ("x-api-key", "again")]
    bobs = bearer(sub="bob")
    params = {"authorization": bobs, "X-API-Key": text}
    async with connected(server, params, headers=CIMultiDict(forged)) as client:
        await client.subscribe("{ me heard }")
        answer = (await client.hear())["payload"]["data"]
        assert answer == {"me": "bob", "heard": [bobs, text]}
    async with connected(server, {"authToken": bobs.removeprefix("Bearer ")}) as client:
        await client.subscribe("{ heard }")
        assert (await client.hear())["payload"]["data"] == {"heard": [bobs, None]}
    async with connected(server, {}, headers={"authorization": bobs}) as client:
        await client.subscribe("{ me heard }")
        assert (await client.hear())["payload"]["data"] == {"me": "bob", "heard": [bobs, None]}
    for params in ({"authorization": bobs}, {}):
        async with connected(server, False, headers=CIMultiDict(forged)) as client:
            await client.send(type="connection_init", payload=params)
            assert (await client.hear())[0] == 4403


@pytest.mark.parametrize(
    "server", ["[authorization]\nrequire_authentication = true\n"], indirect=True
)
async def test_nobody_is_refused_where_somebody_is_required(server: Served) -> None:
    async with connected(server, False) as client:
        await client.send(type="connection_init")
        assert await client.hear() == (4403, "Authentication is required.")
    async with asked(server, "{ me }", EVENTS) as answer:
        assert answer.status == 401
    async with connected(server, {"authorization": bearer()}) as client:
        await client.subscribe("{ me }")
        assert (await client.hear())["payload"]["data"] == {"me": "alice"}


@pytest.mark.parametrize("token", ["Bearer x", 7, ["Bearer x"], ""])
async def test_a_bad_token_closes_with_4403(server: Served, token: Any) -> None:
    async with connected(server, False) as client:
        await client.send(type="connection_init", payload={"authorization": token})
        code, _ = await client.hear()
        assert code == 4403


async def test_a_socket_ends_with_its_token_and_a_fresh_one_comes_in(server: Served) -> None:
    async with connected(server, {"authorization": bearer()}) as client:
        await client.subscribe("subscription { me }")
        assert (await client.hear())["payload"]["data"] == {"me": "alice"}
        expire(server)
        assert await client.hear() == (4403, REASON)
    server.app.auth._clock = server.app.auth.leases.clock = time.time
    async with connected(server, {"authorization": bearer()}) as client:
        await client.subscribe("subscription { me }")
        assert (await client.hear())["payload"]["data"] == {"me": "alice"}
    assert not len(server.app.auth.leases)


async def test_a_key_that_is_taken_back_ends_its_socket(server: Served, tmp_path: Path) -> None:
    text, _ = make_key("gw", "live")
    await use_keys(server, tmp_path, kept(text))
    async with connected(server, {"X-API-Key": text}) as client:
        await client.subscribe("subscription { me }")
        assert (await client.hear())["payload"]["data"] == {"me": "acme"}
        revoked = ApiKeys((kept(text, revoked=NOW),))
        (tmp_path / "keys.json").write_bytes(write_api_keys(revoked))
        assert await client.hear() == (4403, REASON)


LATER = datetime.fromtimestamp(time.time(), UTC) + timedelta(hours=1)


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": ()},
        {"cidrs": ("192.0.2.0/24",)},
        {"not_after": NOW},
        {"not_before": LATER},
        {"client": "other"},
        {"id": "other"},
    ],
)
async def test_a_socket_ends_when_its_key_is_not_what_it_was(
    server: Served, tmp_path: Path, change: dict[str, Any]
) -> None:
    text, _ = make_key("gw", "live")
    await use_keys(server, tmp_path, kept(text, scopes=("read",)))
    async with connected(server, {"X-API-Key": text}) as client:
        await client.subscribe("subscription { me }")
        assert (await client.hear())["payload"]["data"] == {"me": "acme"}
        await use_keys(server, tmp_path, kept(text, **{"scopes": ("read",), **change}))
        assert await client.hear() == (4403, REASON)


async def test_a_socket_ends_with_the_overlap_of_its_key(server: Served, tmp_path: Path) -> None:
    text, _ = make_key("gw", "live")
    await use_keys(server, tmp_path, kept(text))
    async with (
        connected(server, {"X-API-Key": text}) as client,
        asked(server, "subscription { me }", {**EVENTS, "x-api-key": text}) as answer,
    ):
        await client.subscribe("subscription { me }")
        assert (await client.hear())["payload"]["data"] == {"me": "acme"}
        await use_keys(server, tmp_path, kept(text, not_after=LATER, name="to be rotated"))
        await client.subscribe("{ me }", "2")
        assert (await client.hear())["payload"]["data"] == {"me": "acme"}
        assert (await client.hear()) == {"id": "2", "type": "complete"}
        expire(server)
        assert await client.hear() == (4403, REASON)
        assert b"UNAUTHENTICATED" in await asyncio.wait_for(answer.content.read(), 10)


async def test_a_socket_ends_when_what_its_token_is_signed_by_is_withdrawn(
    server: Served, tmp_path: Path
) -> None:
    assert server.app.auth.tokens is not None
    watched = server.app.auth.tokens.key_sets[0]._file
    assert watched is not None
    async with connected(server, {"authorization": bearer()}) as client:
        await client.subscribe("subscription { me }")
        assert (await client.hear())["payload"]["data"] == {"me": "alice"}
        (tmp_path / "jwks.json").write_text(json.dumps(key_set(ec_key(), ec_key("e2"))))
        await watched.look()
        await client.subscribe("{ me }", "2")
        assert (await client.hear())["payload"]["data"] == {"me": "alice"}
        assert (await client.hear()) == {"id": "2", "type": "complete"}
        (tmp_path / "jwks.json").write_text(json.dumps(key_set(ec_key("e2"))))
        await watched.look()
        assert await client.hear() == (4403, REASON)


async def test_a_mutation_under_way_is_answered_before_its_socket_ends(server: Served) -> None:
    import connection_resolvers as resolvers  # type: ignore[import-not-found]

    resolvers.OPENED.clear()
    resolvers.GATE.clear()
    async with connected(server, {"authorization": bearer()}) as client:
        await client.subscribe("subscription { me }", "1")
        assert (await client.hear())["payload"]["data"] == {"me": "alice"}
        await client.subscribe("mutation { save }", "2")
        async with asyncio.timeout(10):
            while not resolvers.OPENED:
                await asyncio.sleep(0)
        expire(server)
        await client.subscribe("{ me }", "3")  # begun too late
        await client.subscribe("subscription { me }", "4")
        resolvers.GATE.set()
        assert (await client.hear())["payload"]["data"] == {"save": "alice"}
        assert await client.hear() == {"id": "2", "type": "complete"}
        assert await client.hear() == (4403, REASON)


async def test_graphql_ws_goes_on_with_a_fresh_token(server: Served, stream_clients: Path) -> None:
    script = str(Path(__file__).with_name("expiring_client.cjs"))
    tokens = [token(sub=sub) for sub in ("first", "second", "third")]
    client = await asyncio.create_subprocess_exec(
        "node", script, str(stream_clients), server.url, *tokens, stdout=asyncio.subprocess.PIPE
    )
    assert client.stdout is not None
    heard = []
    async with asyncio.timeout(60):
        while line := await client.stdout.readline():
            heard.append(json.loads(line))
            if heard[-1] in (["next", "first"], ["next", "second"]):
                expire(server)
                server.app.auth._clock = server.app.auth.leases.clock = time.time
        assert await client.wait() == 0
    assert heard == [
        ["next", "first"],
        ["closed", 4403],
        ["next", "second"],
        ["closed", 4403],
        ["next", "third"],
        ["complete", None],
        ["closed", 1000],
    ]


@pytest.mark.parametrize("headers", [EVENTS, MULTIPART])
async def test_a_stream_ends_with_its_token(server: Served, headers: dict[str, str]) -> None:
    headers = {**headers, "authorization": bearer()}
    async with asked(server, "subscription { me }", headers) as answer:
        begun = await answer.content.readuntil(b"alice")
        expire(server)
        rest = await asyncio.wait_for(answer.content.read(), 10)
    assert b"UNAUTHENTICATED" in rest
    assert b"UNAUTHENTICATED" not in begun
    assert rest.endswith((b"event: complete\ndata:\n\n", b"--\r\n"))
    assert not len(server.app.auth.leases)


async def test_refreshed_tokens_share_a_stream_and_users_do_not(server: Served) -> None:
    import connection_resolvers as resolvers

    resolvers.OPENED.clear()
    query = "subscription { shared }"
    async with (
        connected(server, {"authorization": bearer(jti="1")}) as first,
        connected(server, {"authorization": bearer(jti="2")}) as second,
        connected(server, {"authorization": bearer(sub="bob")}) as third,
    ):
        for client in (first, second, third):
            await client.subscribe(query)
        assert (await first.hear())["payload"]["data"] == {"shared": "alice"}
        assert (await third.hear())["payload"]["data"] == {"shared": "bob"}
        assert sorted(resolvers.OPENED) == ["alice", "bob"]


async def test_a_stream_of_many_operations_is_its_owners(server: Served) -> None:
    alice, again, bob = ({"authorization": bearer(sub=s, jti=j)} for s, j in ("a1", "a2", "b1"))
    async with aiohttp.ClientSession() as session:
        async with session.put(server.url, headers=alice) as answer:
            token = {"x-graphql-event-stream-token": await answer.text()}
        body = {"query": "subscription { me }", "extensions": {"operationId": "1"}}
        for foreign in ({}, bob):
            async with session.get(server.url, headers={**EVENTS, **token, **foreign}) as answer:
                assert answer.status == 404
            async with session.post(server.url, headers={**token, **foreign}, json=body) as answer:
                assert answer.status == 404
        async with session.get(server.url, headers={**EVENTS, **token, **alice}) as stream:
            async with session.post(server.url, headers={**token, **again}, json=body) as answer:
                assert answer.status == 202
            assert await next_event(stream) == (
                "next",
                {"id": "1", "payload": {"data": {"me": "a"}}},
            )
            expire(server)
            rest = await asyncio.wait_for(stream.content.read(), 10)
            assert b"UNAUTHENTICATED" in rest
