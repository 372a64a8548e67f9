"""Queries with `@defer` on compiled plans, beside graphql-core's own incremental execution."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import graphql
import pytest
from graphql import ExecutionResult, GraphQLSchema, build_schema, parse, validate

from gateway.execute.incremental import add_directives, execute_incrementally
from gateway.execute.operation import coerce_variables, explain_plan, fallbacks
from gateway.execute.prepared import Prepared
from gateway.runtime import reference

pytestmark = pytest.mark.skipif(
    not reference.IS_3_3, reason="graphql-core 3.2 has no incremental delivery"
)

SDL = """
type Query { list: [A] strict: [A!] one: A sure: A! pets: [Pet] }
type A { name: String! later: String! maybe: String fails: String bad: String! wrong: Int b: B bs: [B!] a: A }
type B { x: Int y: Int! slow: String a: A }
interface Pet { name: String }
type Cat implements Pet { name: String meow: String }
type Dog implements Pet { name: String bark: String b: B }
"""


async def later(_info: Any) -> str:
    return "later"


async def maybe(info: Any) -> str:
    raise ValueError(f"no {info.field_name}")


def an_a(number: int, depth: int = 0) -> dict[str, Any]:
    a = {
        "name": f"a{number}",
        "later": later,
        "maybe": maybe,
        "fails": maybe if number % 2 else "well",
        "bad": maybe if number % 2 else "well",  # not in generated documents: see `by_path`
        "wrong": "no number",
        "b": {"x": number, "y": None if number == 2 else number, "slow": later},
        "bs": [{"x": n, "y": None if n == number == 1 else n, "slow": later} for n in range(2)],
    }
    if depth < 2:
        a["a"] = an_a(number + 1, depth + 1)
    return a


ROOT = {
    "list": [an_a(0), None, an_a(1), an_a(2)],
    "strict": [an_a(0), an_a(2)],
    "one": an_a(1),
    "sure": an_a(0),
    "pets": [
        {"__typename": "Cat", "name": "Tom", "meow": later},
        {"__typename": "Dog", "name": "Rex", "bark": maybe, "b": {"x": 1, "y": 1}},
    ],
}


def a_schema() -> GraphQLSchema:
    schema = build_schema(SDL)
    add_directives(schema)
    for name, value in ROOT.items():
        schema.query_type.fields[name].resolve = lambda _root, _info, value=value: value  # type: ignore[union-attr]
    return schema


SCHEMA = a_schema() if reference.IS_3_3 else None


async def payloads(result: Any) -> list[dict[str, Any]]:
    result = await result if graphql.pyutils.is_awaitable(result) else result
    if isinstance(result, ExecutionResult):
        return [dict(result.formatted)]
    return [
        result.initial_result.formatted,
        *[part.formatted async for part in result.subsequent_results],
    ]


def by_place(found: list[dict[str, Any]]) -> Any:
    """What was delivered where, whatever the order and the ids; and that the protocol was kept."""
    places: dict[str, Any] = {}
    outcomes: list[Any] = []
    ended = set()
    assert [p.get("hasNext", False) for p in found] == [True] * (len(found) - 1) + [False]
    for payload in found:
        for item in payload.get("pending", []):
            assert item["id"] not in places
            places[item["id"]] = (tuple(item["path"]), item.get("label"))
        for item in payload.get("incremental", []):
            assert item["id"] not in ended
            outcomes.append((places[item["id"]], item["data"], by_path(item.get("errors"))))
        for item in payload.get("completed", []):
            assert item["id"] not in ended
            ended.add(item["id"])
            outcomes.append((places[item["id"]], "ended", by_path(item.get("errors"))))
    assert ended == set(places)
    first = found[0]
    return first.get("data"), by_path(first.get("errors")), sorted(outcomes, key=repr)


def by_path(errors: Any) -> list[Any]:
    """Errors; which comes first depends on who ran first.

    So does which of several below one nulled position are told: no case here has two there.
    """
    return sorted(errors or (), key=repr)


async def compare(text: str, **variables: Any) -> Prepared:
    assert SCHEMA is not None
    document = parse(text)
    prepared = Prepared(SCHEMA, document)
    coerced = coerce_variables(prepared, variables)
    result = execute_incrementally(prepared, coerced, None)  # type: ignore[arg-type]
    found = by_place(await payloads(result))
    own: Any = graphql.experimental_execute_incrementally
    assert found == by_place(await payloads(own(SCHEMA, document, variable_values=variables)))
    return prepared


@pytest.mark.parametrize(
    "text",
    [
        "{ one { name ... @defer { later } } }",
        '{ list { name ... @defer(label: "x") { later maybe b { y slow } } } }',
        '{ list { name ... @defer { bad } ... @defer(label: "q") { later } } }',
        "{ sure { name } ... @defer { one { name b { x } } } }",
        "{ one { ... @defer { maybe } } list { later ... @defer { b { y } } } }",
        "{ strict { fails ... @defer { later } } list { bad ... @defer { maybe } } }",
        "{ one { name ... @defer { name later } } sure { ... @defer { name } name } }",
        "{ list { bs { x ... @defer { slow y } } } }",
        "{ list { ...F @defer } } fragment F on A { later bs { y } wrong }",
        "{ pets { __typename ... on Dog @defer { bark b { y } } ... on Cat @defer { meow } } }",
        "{ pets { name ... @defer { __typename } } }",
        "query ($on: Boolean = false) { one { name ... @defer(if: $on) { later } } }",
    ],
)
async def test_what_is_compiled_is_graphql_cores(text: str) -> None:
    fallbacks.clear()
    prepared = await compare(text)
    assert (prepared.executor, prepared.incremental_reason, sum(fallbacks.values())) == (
        "compiled",
        None,
        0,
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{ one { b { x } ... @defer { b { y } } } }", "@defer of fields that overlap"),
        ("{ one { ... @defer { name } ... @defer { name } } }", "@defer of fields that overlap"),
        ("{ one { ... @defer { a { ... @defer { name } } } } }", "@defer within @defer"),
        ("{ one { ... @defer { ... @defer { name } } } }", "@defer within @defer"),
        (
            "{ one { ...F ...F @defer } } fragment F on A { name }",
            "@defer of a fragment that stands twice",
        ),
        ("{ one { name } ... @defer { __schema { description } } }", "@defer of introspection"),
        ("{ list @stream(initialCount: 1) { name } }", "@stream"),
    ],
)
async def test_what_is_not_split_falls_back(text: str, reason: str) -> None:
    assert SCHEMA is not None
    fallbacks.clear()
    prepared = Prepared(SCHEMA, parse(text))
    assert (prepared.executor, prepared.incremental_reason) == ("fallback", reason)
    result = execute_incrementally(prepared, coerce_variables(prepared, {}), None)  # type: ignore[arg-type]
    found = await payloads(result)
    assert not found[-1].get("hasNext")
    assert sum(fallbacks.values()) == 1


async def test_a_variable_switches_a_fragment() -> None:
    text = "query ($on: Boolean!) { list { name ... @defer(if: $on) { later } } }"
    for on in (True, False):
        assert (await compare(text, on=on)).executor == "compiled"


def test_the_plan_of_each_part_is_shown() -> None:
    assert SCHEMA is not None
    prepared = Prepared(SCHEMA, parse("{ one { name ... @defer { later } } }"))
    shown = explain_plan(prepared, coerce_variables(prepared, {}))["plan"]
    assert (shown["executor"], shown["source"].count("def part_0")) == ("compiled", 2)


async def test_a_client_that_leaves_ends_what_is_deferred() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless(_info: Any) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    schema = build_schema(SDL)
    add_directives(schema)
    row = {"name": "a", "maybe": endless, "later": later}
    schema.query_type.fields["one"].resolve = lambda *_: row  # type: ignore[union-attr]
    text = "{ one { name ... @defer { maybe } ... @defer { later } } }"
    prepared = Prepared(schema, parse(text))
    result: Any = await execute_incrementally(prepared, coerce_variables(prepared, {}), None)  # type: ignore[arg-type]
    assert not begun.is_set()  # nothing that is deferred begins before the first payload is taken
    parts: AsyncIterator[Any] = result.subsequent_results
    first = await anext(parts)
    assert [item.data for item in first.incremental] == [{"later": "later"}]
    assert first.has_next
    assert begun.is_set()
    await parts.aclose()  # type: ignore[attr-defined]
    assert ended.is_set()


REASONS = ("@defer within @defer", "@defer of fields that overlap")
LEAVES = {
    "A": ["name", "later", "maybe", "fails", "wrong", "__typename"],
    "B": ["x", "y", "slow"],
    "Pet": ["name", "__typename"],
    "Cat": ["meow"],
    "Dog": ["bark"],
}
BELOW = {
    "Query": {"list": "A", "strict": "A", "one": "A", "sure": "A", "pets": "Pet"},
    "A": {"b": "B", "bs": "B", "a": "A"},
    "Dog": {"b": "B"},
}


def generate(chance: random.Random, parent: str, depth: int) -> str:
    """A selection set of random fields, some of them deferred."""
    parts = []
    for _ in range(chance.randint(1, 3)):
        below = BELOW.get(parent, {})
        if chance.random() < 0.2:
            kind = chance.choice(["Cat", "Dog", "Pet"]) if parent == "Pet" else parent
            label = f'(label: "l{chance.random()}")' if chance.random() < 0.3 else ""
            parts.append(f"... on {kind} @defer{label} {generate(chance, kind, depth)}")
        elif below and depth < 3 and (parent == "Query" or chance.random() < 0.5):
            name = chance.choice(list(below))
            parts.append(f"{name} {generate(chance, below[name], depth + 1)}")
        elif parent in LEAVES:
            parts.append(chance.choice(LEAVES[parent]))
    return "{ " + " ".join(parts or ["__typename"]) + " }"


async def test_generated_documents_are_delivered_as_graphql_core_does() -> None:
    assert SCHEMA is not None
    chance = random.Random(7)
    seen: Counter[str] = Counter()
    while seen["compiled"] < 150:
        text = generate(chance, "Query", 0)
        if "@defer" in text and not validate(SCHEMA, parse(text)):
            prepared = await compare(text)
            seen[prepared.incremental_reason or "compiled"] += 1
    assert seen.keys() <= {"compiled", *REASONS}, seen
