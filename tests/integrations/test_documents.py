"""`parse` and `validate` of the drop-in, and by what a document is found again."""

from __future__ import annotations

import gc
from functools import wraps
from typing import Any

import graphql
import pytest
from graphql import FieldNode, parse

from gateway.integrations import documents, graphql_core
from gateway.integrations.content import content_of
from gateway.integrations.operations import store_of
from gateway.language.quick import is_certainly_valid
from tests.execute.reference import make_schema
from tests.integrations.rows import ROOT, SDL

pytestmark = pytest.mark.usefixtures("compiled_when_seen_again")


def different(text: str, *others: str) -> None:
    mine = content_of(parse(text))
    assert mine == content_of(parse(text.replace(" ", "\n ")))
    for other in others:
        assert content_of(parse(other)) != mine, other


def test_documents_that_ask_for_something_else_have_another_content() -> None:
    different(
        "{ a }", "{ b }", "{ a: a }", "{ a a }", "{ a { a } }", "query { a { b } }", "{ a @x }"
    )
    different("{ r { a b } }", "{ r { a } b }", "{ r { a { b } } }", "{ r: r { a b } }")
    different(
        "{ x: a(n: 1) }", "{ x: a(n: 2) }", '{ x: a(n: "1") }', "{ x: a(m: 1) }", "{ y: a(n: 1) }"
    )
    different('{ a(n: "x") }', '{ a(n: """x""") }', "{ a(n: x) }", "{ a(n: $x) }", "{ a(n: [x]) }")
    different("query A { a }", "query B { a }", "mutation A { a }", "query A($n: Int) { a }")
    different("query A($n: Int) { a }", "query A($n: Int!) { a }", "query A($n: Int = 1) { a }")
    different("{ ...F } fragment F on T { a }", "{ ...F } fragment F on U { a }", "{ ...F }")
    different("{ ... on T { a } b }", "{ ... on T { a b } }", "{ ... { a } b }", "{ ...T b }")


def test_a_text_is_parsed_and_validated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counting(function: Any) -> Any:
        @wraps(function)
        def count(*given: Any, **more: Any) -> Any:
            calls.append(function.__name__)
            return function(*given, **more)

        return count

    for name in ("parse", "validate"):
        monkeypatch.setattr(graphql, name, counting(getattr(graphql, name)))
    monkeypatch.setattr(documents, "is_certainly_valid", counting(is_certainly_valid))
    schema = make_schema(SDL)
    for text in ("query Once { a }", "query Rules { a row { b } __schema { __typename } }"):
        calls.clear()
        for _ in range(6):
            assert graphql_core.graphql_sync(schema, text, ROOT).errors is None
        assert calls.count("parse") == 1
        assert calls.count("is_certainly_valid") == 1
        assert calls.count("validate") == (0 if "Once" in text else 1)
    wrong = graphql_core.graphql_sync(schema, "query Once { nope }", ROOT)
    assert wrong == graphql.graphql_sync(schema, "query Once { nope }", ROOT)


def test_an_option_that_graphql_core_does_not_have_is_refused() -> None:
    schema = make_schema(SDL)
    with pytest.raises(TypeError):
        graphql_core.validate(schema, parse("query Fresh { a }"), bogus=1)


def test_a_rule_that_may_look_at_more_is_asked_each_time() -> None:
    asked: list[int] = []

    class Asking(graphql.ASTValidationRule):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            asked.append(1)
            if len(asked) > 3:
                self.report_error(graphql.GraphQLError("enough", node))

    schema = make_schema(SDL)
    rules = [*graphql.specified_rules, Asking]
    for _ in range(3):
        document = graphql_core.parse("{ a }")
        assert graphql_core.validate(schema, document, rules) == []
        graphql_core.execute(schema, document, ROOT)
    assert [str(e.message) for e in graphql_core.validate(schema, document, rules)] == ["enough"]


def test_validity_that_is_known_of_a_document_is_let_go_with_it() -> None:
    schema = make_schema(SDL)
    document = parse("query Held { a }")
    assert graphql_core.validate(schema, document) == []
    store = store_of(schema)
    assert [known() for known in store._valid.values()] == [document]
    del document
    gc.collect()
    assert store._valid == {}


def test_errors_are_told_in_the_order_of_all_rules() -> None:
    class Naming(graphql.ASTValidationRule):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            self.report_error(graphql.GraphQLError(f"seen {node.name.value}", node))

    schema = make_schema(SDL)
    document = parse("query Q($v: Int) { x: a(m: 1) nope row { a @never } b ...F }")
    rule_sets: list[Any] = [None, [Naming, *graphql.specified_rules]]
    rule_sets += [[*graphql.specified_rules, Naming], []]
    rule_sets += [[*graphql.specified_rules[:20], Naming, *graphql.specified_rules[20:]]]
    for rules in rule_sets:
        expected = graphql.validate(schema, document, rules)
        assert len(expected) >= 5 or rules == []
        for most in (100, 3):
            ours = graphql_core.validate(schema, document, rules, max_errors=most)
            reference = graphql.validate(schema, document, rules, max_errors=most)
            assert [(e.message, e.locations) for e in ours] == [
                (e.message, e.locations) for e in reference
            ]
