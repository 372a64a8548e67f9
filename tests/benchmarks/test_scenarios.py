"""Each scenario's expected answer is what graphql-core gives over the same data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, graphql_sync, validate
from graphql import parse as parse_document

from benchmarks.load import data
from benchmarks.load.contestants import FAMILIES, contestants
from benchmarks.load.scenarios import SCENARIOS
from benchmarks.load.traffic import COUNTER
from benchmarks.peers.by_hand_plain import PLAIN
from benchmarks.peers.by_hand_typed import TYPED

SDL = Path(__file__).parents[2] / "benchmarks" / "peers" / "schema.graphql"
NAMES = list(SCENARIOS)


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    made = build_schema(SDL.read_text())
    users = {user["id"]: user for user in data.users()}
    numbers = {row["id"]: row for row in data.stats()}
    resolvers: dict[tuple[str, str], Any] = {
        ("Query", "greeting"): lambda *_: "hello",
        ("Query", "posts"): lambda *_: data.posts(),
        ("Query", "post"): lambda *_, **_arguments: data.posts()[0],
        ("Query", "items"): lambda *_: data.items(),
        ("Query", "tree"): lambda *_: data.node(8, 2),
        ("Query", "records"): lambda *_: data.records(),
        ("Mutation", "addComment"): lambda *_, **_arguments: data.COMMENT,
        ("Post", "user"): lambda post, _: users[post["userId"]],
        ("Post", "stats"): lambda post, _: numbers[post["id"]],
    }
    for (type_name, field), resolve in resolvers.items():
        made.type_map[type_name].fields[field].resolve = resolve  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize("name", NAMES)
def test_the_expected_answer_is_the_references(name: str, schema: GraphQLSchema) -> None:
    scenario = SCENARIOS[name]
    query = scenario.query.replace(COUNTER, "7")
    assert validate(schema, parse_document(query)) == []
    assert graphql_sync(schema, query).formatted == scenario.answer(7)


@pytest.mark.parametrize("name", NAMES)
async def test_the_handlers_by_hand_give_the_expected_answer(name: str) -> None:
    import orjson

    scenario = SCENARIOS[name]
    body = scenario.body.replace(COUNTER.encode(), b"7")
    for handlers in (PLAIN, TYPED):
        if name in handlers:
            assert orjson.loads(await handlers[name](Upstream(), body)) == scenario.answer(7)


class Upstream:
    """The suite's static answers, without a socket."""

    async def get(self, path: bytes) -> bytes:
        import orjson

        name = path.decode().lstrip("/").partition("?")[0]
        return orjson.dumps(data.files()["post" if name.startswith("posts/") else name])

    async def post(self, path: bytes, _body: bytes) -> bytes:
        import orjson

        assert path == b"/comments"
        return orjson.dumps(data.COMMENT)


def test_the_quick_run_has_no_heavy_scenario() -> None:
    quick = [scenario.name for scenario in SCENARIOS.values() if scenario.quick]
    assert quick == ["posts-and-users", "constant", "literals"]


def test_everybody_is_of_a_known_family_and_named_once() -> None:
    found = contestants()
    assert {one.family for one in found} <= set(FAMILIES)
    assert len({one.name for one in found}) == len(found)
    assert all(one.only <= set(SCENARIOS) for one in found)


def test_who_is_not_available_says_why() -> None:
    for one in contestants():
        assert one.unavailable == "" or len(one.unavailable) > 10
