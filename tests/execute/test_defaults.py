"""Default values: what a resolver does to the arguments that it was given, no later request sees."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import parse

from gateway.integrations import graphql_core as dropin
from tests.execute.reference import make_schema, run

SDL = """
input In { tags: [String!] = ["q"] in: In }
type Query {
  tags(t: [String!] = ["d"], i: In = {tags: ["e"], in: {}}): [String!]
  rows: [Row!]
}
type Row { tags(t: [String!] = ["d"], i: In = {}): [String!] }
"""


def take(_parent: Any, _info: Any, t: Any = None, i: Any = None) -> list[str]:
    """Add to every list that is given, and answer what they are then."""
    inner = (i or {}).get("in") or {}
    lists = [given for given in (t, (i or {}).get("tags"), inner.get("tags")) if given is not None]
    for given in lists:
        given.append("x")
    return [item for given in lists for item in given]


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("{ tags }", {}, ["d", "x", "e", "x", "q", "x"]),
        ('query($t: [String!] = ["v"], $i: In = {tags: ["w"]}) { tags(t: $t, i: $i) }', {}, ["v", "x", "w", "x"]),
        ("query($t: [String!], $i: In) { tags(t: $t, i: $i) }", {}, ["d", "x", "e", "x", "q", "x"]),
        ("query($i: In) { tags(t: null, i: $i) }", {"i": {"in": {}}}, ["q", "x", "q", "x"]),
        ("query($s: String!) { tags(t: [$s], i: {in: {}}) }", {"s": "v"}, ["v", "x", "q", "x", "q", "x"]),
        ('{ tags(t: ["l"], i: {tags: []}) }', {}, ["l", "x", "x"]),
    ],
)  # fmt: skip
async def test_a_resolver_cannot_change_what_the_next_request_gets(
    text: str, variables: dict[str, Any], expected: list[str]
) -> None:
    schema = make_schema(SDL, {"Query.tags": take})
    document = parse(text)
    options: dict[str, Any] = {"variable_values": variables}
    for _ in range(3):
        result = await run(dropin.execute, schema, document, None, **options)
        assert (result.data, result.errors) == ({"tags": expected}, None)


async def test_each_call_of_a_request_has_lists_of_its_own() -> None:
    schema = make_schema(SDL, {"Query.rows": lambda *_: [{}, {}], "Row.tags": take})
    for text in (
        "{ rows { tags } }",
        "query($t: [String!], $i: In) { rows { tags(t: $t, i: $i) } }",
    ):
        result = await run(dropin.execute, schema, parse(text), None)
        assert result.data == {"rows": [{"tags": ["d", "x", "q", "x"]}] * 2}
