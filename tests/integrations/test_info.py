"""What a resolver can do with graphql-core's `info` beside reading its members."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import strawberry
from graphql import GraphQLResolveInfo, build_schema, graphql_sync, parse

from gateway.integrations.graphql_core import execute_sync
from gateway.integrations.strawberry import CompiledSchema


def uses(info: Any) -> list[Any]:
    """Each use, as text."""
    changed = info._replace(field_name="other")
    unpacked = dict(zip(info._fields, info, strict=True))
    return [
        copy.copy(info).path.as_list(),
        [changed.field_name, changed.path.as_list(), changed.root_value],
        [unpacked["path"].as_list(), unpacked["field_name"], len(info)],
        list(info._asdict()),
        f"{info}".partition("schema=")[0].replace("_OperationContextAware", ""),
        repr(info).count("path=Path("),
    ]


def test_info_is_the_tuple_that_it_is_with_graphql_core() -> None:
    schema = build_schema("type Query { a: A } type A { b: [A] n: Int }")
    seen: list[Any] = []

    def resolve(_root: Any, info: GraphQLResolveInfo[Any]) -> int:
        seen.append(uses(info))
        with pytest.raises((TypeError, ValueError), match="unexpected field names"):
            info._replace(none=1)  # type: ignore[call-arg]
        return 1

    schema.type_map["A"].fields["n"].resolve = resolve  # type: ignore[attr-defined]
    root: Any = {"a": {"b": [{}, {}]}}
    text = "{ a { b { n } } }"
    expected = graphql_sync(schema, text, root)
    by_reference, seen = seen, []
    for _ in range(3):
        seen.clear()
        assert execute_sync(schema, parse(text), root) == expected
        assert seen == by_reference


def test_strawberrys_info_is_written_and_copied() -> None:
    seen: list[Any] = []

    @strawberry.type
    class Query:
        @strawberry.field
        def a(self, info: strawberry.Info) -> int:
            seen.append(uses(info._raw_info))
            assert info._raw_info.operation_extensions is None  # type: ignore[attr-defined]
            return len(f"{info}".partition("schema=")[0])

    expected = strawberry.Schema(Query).execute_sync("{ a }")
    assert expected.errors is None
    schema = CompiledSchema(Query)
    for _ in range(3):
        assert schema.execute_sync("{ a }").errors is None
    assert seen[1:] == [seen[0]] * 3
