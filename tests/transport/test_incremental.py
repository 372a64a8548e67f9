"""`@defer` and `@stream` on a real server: both payload formats, masked errors, and who cannot read them."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.execute.operation import fallbacks
from tests.transport.served import Served, served
from tests.transport.sockets import connected

SCHEMA = """
type Query { user(id: ID): User numbers: [Int!]! users: [User!]! }
type Mutation { rename(name: String!): User }
type User { id: ID! name: String! slow: String fails: String friends: [User!]! }
"""
RESOLVERS = """
import asyncio
from gateway import resolver

state = {"gate": None, "renamed": 0, "left": 0}
ADA = {"id": "1", "name": "Ada"}


@resolver("Query.user", vary=())
def user(parent, context, id=None):
    return ADA


@resolver("Query.users", vary=())
async def users(parent, context):
    return [ADA, {"id": "2", "name": "Bob"}, {"id": "3", "name": "Eve"}]


@resolver("Query.numbers", vary=())
async def numbers(parent, context):
    return [1, 2, 3]


@resolver("User.friends", vary=())
async def friends(parent, context):
    return [{"id": "2", "name": "Bob"}, {"id": "3", "name": "Eve"}]


@resolver("User.slow", vary=())
async def slow(parent, context):
    try:
        await state["gate"].wait()
    except asyncio.CancelledError:
        state["left"] += 1
        raise
    return "slow"


@resolver("User.fails", vary=())
async def fails(parent, context):
    raise RuntimeError("a secret")


@resolver("Mutation.rename", vary=())
def rename(parent, context, name):
    state["renamed"] += 1
    return {"id": "1", "name": name}
"""
CURRENT = "multipart/mixed, application/json;q=0.9"
OLDER = "multipart/mixed;deferSpec=20220824, application/json"


@pytest.fixture
async def server(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "incremental_resolvers.py").write_text(RESOLVERS)
    config = tmp_path / "gateway.toml"
    config.write_text(
        '[graph]\nschema = ["schema.graphql"]\nresolvers = "incremental_resolvers"\n'
        f'[logs]\naccess = "off"\nerrors = "{tmp_path}/errors.log"\n'
        f"[incremental]\nenabled = {getattr(request, 'param', 'true')}\n"
    )
    async with served(config) as running:
        state()["gate"] = asyncio.Event()
        yield running
    sys.modules.pop("incremental_resolvers", None)


def state() -> dict[str, Any]:
    found: dict[str, Any] = sys.modules["incremental_resolvers"].state
    return found


@asynccontextmanager
async def asked(
    server: Served, query: str, accept: str, variables: Any = None
) -> AsyncIterator[aiohttp.ClientResponse]:
    sent = {"query": query, "variables": variables}
    async with (
        aiohttp.ClientSession() as session,
        session.post(server.url, json=sent, headers={"accept": accept}) as answer,
    ):
        yield answer


async def part(answer: aiohttp.ClientResponse) -> Any:
    """The next payload."""
    text = (await asyncio.wait_for(answer.content.readuntil(b"--graphql"), 10)).decode()
    text = text.removesuffix("--graphql").strip()
    return json.loads(text.partition("\r\n\r\n")[2]) if text else await part(answer)


async def parts(answer: aiohttp.ClientResponse) -> list[Any]:
    """Every payload."""
    found = [await part(answer)]
    while found[-1]["hasNext"]:
        found.append(await part(answer))
    assert await answer.content.read() == b"--\r\n"
    return found


DEFERRED = '{ user { name ... @defer(label: "later") { slow } } }'


async def test_a_deferred_fragment(server: Served) -> None:
    async with asked(server, DEFERRED, CURRENT) as answer:
        assert answer.headers["content-type"] == 'multipart/mixed;boundary="graphql"'
        assert await part(answer) == {  # while the rest is not there yet
            "data": {"user": {"name": "Ada"}},
            "pending": [{"id": "0", "path": ["user"], "label": "later"}],
            "hasNext": True,
        }
        state()["gate"].set()
        assert await parts(answer) == [
            {
                "incremental": [{"id": "0", "data": {"slow": "slow"}}],
                "completed": [{"id": "0"}],
                "hasNext": False,
            }
        ]


async def test_a_deferred_fragment_in_the_older_format(server: Served) -> None:
    async with asked(server, DEFERRED, OLDER) as answer:
        assert answer.headers["content-type"].endswith(";deferSpec=20220824")
        assert await part(answer) == {"data": {"user": {"name": "Ada"}}, "hasNext": True}
        state()["gate"].set()
        deferred = {"data": {"slow": "slow"}, "path": ["user"], "label": "later"}
        assert await parts(answer) == [{"incremental": [deferred], "hasNext": False}]


def streamed(found: list[Any]) -> list[Any]:
    return [item for payload in found for item in payload.get("incremental", ())]


async def test_a_streamed_list(server: Served) -> None:
    query = "{ users @stream(initialCount: 1) { name } }"
    async with asked(server, query, CURRENT) as answer:
        first, *later = await parts(answer)
    assert first["data"] == {"users": [{"name": "Ada"}]}
    assert [u["name"] for item in streamed(later) for u in item["items"]] == ["Bob", "Eve"]
    async with asked(server, query, OLDER) as answer:
        first, *later = await parts(answer)
    placed = {
        item["path"][1] + offset: user["name"]
        for item in streamed(later)
        for offset, user in enumerate(item["items"])
    }
    assert placed == {1: "Bob", 2: "Eve"}


async def test_a_streamed_list_in_a_deferred_fragment_in_the_older_format(server: Served) -> None:
    query = "{ user { id ... @defer { friends @stream(initialCount: 1) { name } } } }"
    async with asked(server, query, OLDER) as answer:
        _, *later = await parts(answer)
    items = streamed(later)
    assert items[0] == {"data": {"friends": [{"name": "Bob"}]}, "path": ["user"]}
    assert items[1] == {"items": [{"name": "Eve"}], "path": ["user", "friends", 1]}


def joined(found: list[Any]) -> Any:
    """What a client of the older format has in the end."""
    data = found[0]["data"]
    for item in streamed(found):
        *above, last = item["path"] if "items" in item else [*item["path"], None]
        there = data
        for key in above:
            there = there[key]
        if "items" in item:
            assert len(there) == last
            there += item["items"]
        else:
            merge(there, item["data"])
    return data


def merge(there: Any, more: Any) -> None:
    for key, value in more.items():
        if isinstance(there.get(key), dict) and isinstance(value, dict):
            merge(there[key], value)
        elif isinstance(there.get(key), list):
            for one, other in zip(there[key], value, strict=True):
                merge(one, other)
        else:
            there[key] = value


NESTED = [
    "{ users { id ...@defer { friends { id ...@defer { name } } } } }",
    "{ ...@defer { users { id ...@defer { name } } } }",
    "{ users { ...@defer { friends { ...@defer { id name } } } } }",
    "{ ...@defer { user { id ...@defer { name ...@defer { friends { id ...@defer { name } } } } } } }",
    "{ users @stream(initialCount: 1) { id ...@defer { name } } }",
    "{ users @stream(initialCount: 1) { id friends @stream(initialCount: 1) { id ...@defer { name } } } }",
    "{ users @stream(initialCount: 0) { id ...@defer { friends @stream(initialCount: 1) { id } } } }",
    "{ user { ...@defer { friends @stream(initialCount: 1) { id friends @stream(initialCount: 1) { id } } } } }",
]


@pytest.mark.parametrize("query", NESTED)
async def test_what_is_deferred_within_what_is_deferred_in_the_older_format(
    server: Served, query: str
) -> None:
    plain = re.sub(r"@defer|@stream\([^)]*\)", "", query)
    async with asked(server, plain, "application/json") as answer:
        expected = (await answer.json())["data"]
    async with asked(server, query, OLDER) as answer:
        found = await parts(answer)
    assert len(found) > 1
    assert not any("errors" in payload for payload in [*found, *streamed(found)])
    assert joined(found) == expected


@pytest.mark.parametrize("accept", [CURRENT, OLDER])
async def test_errors_are_masked_in_every_payload(
    server: Served, accept: str, tmp_path: Path
) -> None:
    query = "{ user { fails ... @defer { other: fails } } }"
    async with asked(server, query, accept) as answer:
        found = await parts(answer)
    assert "secret" not in json.dumps(found)
    errors = [*found[0]["errors"], *streamed(found)[0]["errors"]]
    assert [error["path"] for error in errors] == [["user", "fails"], ["user", "other"]]
    log = (tmp_path / "errors.log").read_text()
    assert all(error["extensions"]["errorId"] in log for error in errors)


async def test_a_bad_stream_is_the_clients_error(server: Served, tmp_path: Path) -> None:
    query = "query ($n: Int!) { users @stream(initialCount: $n) { name } }"
    async with asked(server, query, CURRENT, {"n": -1}) as answer:
        (found,) = await parts(answer)
    (error,) = found["errors"]
    assert error["message"] == "initialCount must be a positive integer"
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert (tmp_path / "errors.log").read_text() == ""


async def test_nothing_is_deferred_after_all(server: Served) -> None:
    query = "query ($on: Boolean!) { user { name ... @defer(if: $on) { id } } }"
    async with asked(server, query, CURRENT, {"on": False}) as answer:
        assert await parts(answer) == [
            {"data": {"user": {"name": "Ada", "id": "1"}}, "hasNext": False}
        ]


async def test_over_events_and_sockets(server: Served) -> None:
    state()["gate"].set()
    async with asked(server, DEFERRED, "text/event-stream") as answer:
        text = (await answer.content.read()).decode()
    events = [json.loads(line[5:]) for line in text.splitlines() if line.startswith("data: ")]
    assert [event["hasNext"] for event in events] == [True, False]
    async with connected(server) as client:
        await client.subscribe(DEFERRED)
        heard = [await client.hear() for _ in range(3)]
    assert [m["type"] for m in heard] == ["next", "next", "complete"]
    assert heard[1]["payload"]["completed"] == [{"id": "0"}]


async def test_who_cannot_read_several_payloads_is_told_before_anything_runs(
    server: Served,
) -> None:
    query = 'mutation { rename(name: "x") { id ... @defer { name } } }'
    async with asked(server, query, "application/graphql-response+json") as answer:
        assert answer.status == 406
        assert (await answer.json())["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"
    assert state()["renamed"] == 0
    async with asked(server, query, CURRENT) as answer:
        assert (await part(answer))["data"] == {"rename": {"id": "1"}}


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),  # as curl asks
        ("application/json", 200),
        ("multipart/mixed;q=0, application/json", 200),
        ("multipart/mixed; deferSpec=20220824; Q=0.0, application/json", 200),
        ("multipart/mixed;q=0, application/graphql-response+json", 406),
    ],
)
async def test_the_status_where_parts_are_not_accepted_is_that_of_the_media_type(
    server: Served, accept: str, status: int
) -> None:
    query = "{ user { id ... @defer { name } } }"
    async with asked(server, query, accept) as answer:
        assert (answer.status, answer.content_type.partition("/")[0]) == (status, "application")
        assert (await answer.json())["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"


ONLY = "multipart/mixed"


@pytest.mark.parametrize("accept", [ONLY, f"{ONLY};deferSpec=20220824"])
@pytest.mark.parametrize(
    ("query", "payload"),
    [
        ("{ user { name } }", {"data": {"user": {"name": "Ada"}}, "hasNext": False}),
        (
            'mutation { rename(name: "x") { name } }',
            {"data": {"rename": {"name": "x"}}, "hasNext": False},
        ),
        ("{ user { ...@defer(if: false) { name } } }", {"data": {"user": {"name": "Ada"}}}),
    ],
)
async def test_who_accepts_nothing_but_parts_gets_one(
    server: Served, query: str, payload: Any, accept: str
) -> None:
    async with asked(server, query, accept) as answer:
        assert answer.status == 200
        (found,) = await parts(answer)
    assert found == {**payload, "hasNext": False}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ unknown }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($id: ID!) { user(id: $id) { id ...@defer { name } } }", "BAD_USER_INPUT"),
    ],
)
async def test_an_operation_that_is_rejected_ends_its_parts(
    server: Served, query: str, code: str
) -> None:
    async with asked(server, query, ONLY) as answer:
        (found,) = await parts(answer)
    assert (found["errors"][0]["extensions"]["code"], found["hasNext"]) == (code, False)
    assert "data" not in found


async def test_a_client_that_leaves_ends_what_is_deferred(server: Served) -> None:
    async with asked(server, DEFERRED, CURRENT) as answer:
        await part(answer)
    async with asyncio.timeout(10):
        while not state()["left"] or server.app.worker.streams.running:
            await asyncio.sleep(0)


async def test_other_operations_stay_compiled(server: Served) -> None:
    before = dict(fallbacks)
    async with asked(server, "{ user { name } }", CURRENT) as answer:
        assert await answer.json() == {"data": {"user": {"name": "Ada"}}}
    assert dict(fallbacks) == before


@pytest.mark.parametrize("server", ["false"], indirect=True)
async def test_not_enabled(server: Served) -> None:
    async with asked(server, DEFERRED, OLDER) as answer:
        assert "Unknown directive" in (await answer.json())["errors"][0]["message"]
