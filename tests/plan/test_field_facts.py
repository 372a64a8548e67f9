"""What is known of fields is looked up once for a schema that stays as it is, and anew for any other."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema

from gateway.execute.prepared import Prepared
from gateway.graph.schema import fix
from gateway.language.document import load_document
from gateway.language.limits import Limits
from gateway.plan import field_facts
from gateway.plan.field_facts import FactsOfFields
from gateway.plan.kinds import kind_of
from gateway.plan.nodes import Check, Kind, Leaf, ListOf

SDL = """
type Query { a: A! ids: [[ID!]]! node: Node }
interface Node { id: ID! }
type A implements Node { id: ID! e: E }
type B implements Node { id: ID! }
enum E { X }
"""


def schema_of(*, fixed: bool) -> GraphQLSchema:
    schema = build_schema(SDL)
    if fixed:
        fix(schema)
    return schema


@pytest.mark.parametrize("fixed", [True, False])
def test_what_is_known_of_a_field(fixed: bool) -> None:
    schema = schema_of(fixed=fixed)
    query: Any = schema.query_type
    facts = FactsOfFields(schema)
    ids, node, typename = (facts.of(query, name) for name in ("ids", "node", "__typename"))
    assert ids is not None
    assert node is not None
    assert typename is not None
    assert ids.leaf == ListOf(ListOf(Leaf("ID", Check.ID, True), False), True)
    assert [type_.name for type_ in node.possible] == ["A", "B"]
    assert (node.leaf, node.is_abstract, typename.kind) == (None, True, Kind.TYPENAME)
    assert facts.of(query, "nope") is None


def test_it_is_looked_up_once_for_all_plans_of_a_fixed_schema(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []

    def counted(name: str, *given: Any) -> Kind:
        looked.append(name)
        return kind_of(name, *given)

    monkeypatch.setattr(field_facts, "kind_of", counted)
    for fixed, times in ((True, 1), (False, 3)):
        looked.clear()
        schema = schema_of(fixed=fixed)
        for number in range(3):
            text = f"{{ a {{ x{number}: id e }} }}"
            Prepared(schema, load_document(text, schema, Limits()))
        assert sorted(looked) == sorted(["a", "id", "e"] * times)


def test_a_resolver_that_is_given_later_counts_where_the_schema_may_change() -> None:
    schema = schema_of(fixed=False)
    query: Any = schema.query_type
    kinds = []
    resolvers: list[Any] = [None, lambda *_: []]
    for resolve in resolvers:
        query.fields["ids"].resolve = resolve
        found = FactsOfFields(schema).of(query, "ids")
        assert found is not None
        kinds.append(found.kind)
    assert kinds == [Kind.PROPERTY, Kind.SYNC]
