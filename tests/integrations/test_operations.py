"""Which run of a document is compiled, and by what a document is found again."""

from __future__ import annotations

import gc
import threading
import weakref
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any

import graphql
import pytest
from graphql import DocumentNode, FieldNode, Visitor, parse, visit

from gateway.codegen.code import Code
from gateway.graph.member import Member, MemberAccess, member_of
from gateway.integrations import graphql_core, known, operations
from gateway.integrations.content import content_of
from gateway.integrations.operations import Store, store_of
from gateway.runtime import reference
from tests.execute.reference import make_schema

SDL = "type Query { a(n: Int): Int b: Int row: Row } type Row { a: Int b: Int }"


@pytest.fixture(autouse=True)
def second_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is shipped, whatever other tests of this process have set."""
    monkeypatch.setattr(operations, "COMPILED_FROM", 2)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The operations whose code was made."""
    made: list[str] = []
    make = Code._make

    def noting(code: Code) -> None:
        made.append(code.bound.plan.name)
        make(code)

    monkeypatch.setattr(Code, "_make", noting)
    return made


def test_an_operation_is_compiled_at_its_second_run_once(compiled: list[str]) -> None:
    schema = make_schema(SDL)
    numbers = []
    for _ in range(4):
        document = graphql.parse("query Often { a row { b } }")
        result = graphql_core.execute(schema, document, {"a": 1, "row": {"b": 2}})
        assert result.data == {"a": 1, "row": {"b": 2}}
        numbers.append(len(compiled))
    assert numbers == [0, 1, 1, 1]


def test_a_document_without_a_source_is_found_by_what_it_says(compiled: list[str]) -> None:
    schema = make_schema(SDL)
    for text in ("query N { a }", "query N { a }", "query  N  {\n a }", "query M { a }"):
        graphql_core.execute(schema, parse(text, no_location=True), {"a": 1})
    assert compiled == ["N"]
    assert len(store_of(schema)) == 1


class Renaming(Visitor):
    """Asks for `b` where `a` is asked for; the new nodes keep the place of the old ones in the source."""

    def enter_field(self, node: FieldNode, *_: Any) -> FieldNode | None:
        if node.name.value != "a":
            return None
        name = graphql.NameNode(value="b")
        return FieldNode(name=name, loc=node.loc)


def test_a_changed_document_is_not_taken_for_that_of_its_source() -> None:
    schema = make_schema(SDL)
    for _ in range(3):
        document = parse("{ a }")
        changed = visit(document, Renaming())
        assert changed.loc == document.loc
        assert graphql_core.execute(schema, document, {"a": 1, "b": 2}).data == {"a": 1}
        assert graphql_core.execute(schema, changed, {"a": 1, "b": 2}).data == {"b": 2}


def test_errors_are_located_in_the_document_of_their_request() -> None:
    def fail(_root: Any, info: Any) -> None:
        assert info.operation in documents_of_requests[-1].definitions
        raise ValueError("no")

    schema = make_schema("type Query { a: Int }", {"Query.a": fail})
    documents_of_requests: list[DocumentNode] = []
    for text in ("{ a }", "{ a }", "{ a }", "{  a }", "{  a }", "{\n\n  a }", "{\n\n  a }"):
        documents_of_requests.append(parse(text))
        (ours,) = graphql_core.execute(schema, documents_of_requests[-1]).errors
        core: Any = graphql.execute(schema, documents_of_requests[-1])
        assert ours.locations == core.errors[0].locations
        assert ours.nodes == core.errors[0].nodes


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


def test_what_is_kept_is_bounded_and_used_last_goes_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operations, "MAX_DOCUMENTS", 3)
    schema = make_schema(SDL)
    kept = parse("{ a }")
    texts = [f"{{ x{n}: a }}" for n in range(10)]
    for text in texts:
        for _ in range(2):
            graphql_core.execute(schema, kept, {"a": 1})
            assert graphql_core.execute(schema, parse(text), {"a": 1}).data == {text[2:4]: 1}
    store = store_of(schema)
    assert len(store) == 3
    assert store.lookup(kept) is not None
    monkeypatch.setattr(operations, "MAX_SIZE_BYTES", store.size_bytes // 3)
    for _ in range(2):
        graphql_core.execute(schema, parse("{ last: a }"), {"a": 1})
    assert len(store) <= 2
    assert store.size_bytes < 100_000


def test_a_name_that_no_operation_has_is_refused_and_not_kept(compiled: list[str]) -> None:
    schema = make_schema(SDL)
    document = parse("query A { a } query B { b }")
    names: list[Any] = ["A", "A", "B", *(f"x{number}" for number in range(30)), None, "", ["A"], 1]
    for name in names:
        ours = graphql_core.execute(schema, document, ROOT, operation_name=name)
        assert ours == graphql.execute(schema, document, ROOT, operation_name=name)
    seen = store_of(schema).lookup(document)
    assert seen is not None
    assert list(seen.sources) == ["A", "B"]
    assert len(seen.operations.prepared) == 2
    assert compiled == ["A", "B"]


def test_variables_that_are_no_mapping_are_graphql_cores_to_refuse() -> None:
    schema = make_schema(SDL)
    document = parse("query V($n: Int) { a(n: $n) }")
    wrong: Any = [1]
    for run in [graphql.execute, *[graphql_core.execute] * 3]:
        with pytest.raises(AttributeError):
            run(schema, document, ROOT, variable_values=wrong)


def test_resolvers_made_for_each_request_run_on_graphql_core(
    compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MAX_RESOLVERS", 3)
    graphql_core.fallbacks.clear()
    schema = make_schema(SDL)
    for number in range(9):
        given = {"field_resolver": lambda _source, _info, number=number, **_arguments: number}
        for text in ("query N { a }", "query M { a }"):
            found = graphql_core.graphql_sync(schema, text, **given)
            assert found == graphql.ExecutionResult({"a": number}, None)
    assert len(compiled) == 6, "of three resolvers, after the first run of each text"
    assert graphql_core.fallbacks == {"resolvers made anew": 10}
    for _ in range(2):  # the default ones have their plan all the same
        assert graphql_core.graphql_sync(schema, "query N { a }", ROOT).data == {"a": 1}
    assert len(compiled) == 7


class Answering:
    """Gives one value for each field."""

    value: int

    def __call__(self, _source: Any, _info: Any, **_arguments: Any) -> int:
        return self.value

    def method(self, _source: Any, _info: Any, **_arguments: Any) -> int:
        return self.value


@dataclass
class UnhashableAnswering(Answering):
    value: int


@dataclass(frozen=True)
class EqualAnswering(Answering):
    value: int = field(compare=False)


def test_a_resolver_is_told_from_those_that_it_is_equal_to(compiled: list[str]) -> None:
    for kind in (UnhashableAnswering, EqualAnswering):
        schema = make_schema(SDL)
        first, second = kind(1), kind(2)
        for _ in range(3):
            for given, value in ((first, 1), (second, 2), (first.method, 1), (second.method, 2)):
                found = graphql_core.graphql_sync(schema, "{ a }", field_resolver=given)
                assert found == graphql.ExecutionResult({"a": value}, None)
        assert len(compiled) == 4
        compiled.clear()


def test_documents_and_schemas_are_let_go() -> None:
    schema = make_schema(SDL)
    document = parse("{ a }")
    for _ in range(3):
        graphql_core.execute(schema, document, {"a": 1})
    gone: list[weakref.ref[Any]] = [weakref.ref(schema), weakref.ref(document)]
    del schema, document
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


def test_threads_share_a_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "MAX_DOCUMENTS", 4)
    schema = make_schema(SDL)
    wrong: list[Any] = []

    def ask(first: int) -> None:
        for number in range(200):
            key = f"x{(first + number) % 9}"
            result = graphql_core.graphql_sync(schema, f"{{ {key}: a row {{ b }} }}", ROOT)
            if result.data != {key: 1, "row": {"b": 2}}:
                wrong.append(result)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(store_of(schema)) <= 4


ROOT = {"a": 1, "row": {"b": 2}}


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
    schema = make_schema(SDL)
    for _ in range(6):
        assert graphql_core.graphql_sync(schema, "query Once { a }", ROOT).data == {"a": 1}
    assert calls.count("parse") == 1
    assert calls.count("validate") == 1
    wrong = graphql_core.graphql_sync(schema, "query Once { nope }", ROOT)
    assert wrong == graphql.graphql_sync(schema, "query Once { nope }", ROOT)


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


def test_arguments_may_be_called_as_the_parameters_of_the_default_resolver() -> None:
    sdl = "type Query { a(source: Int, info: Int, root: Int): Int row(source: Int): Row } type Row { a: Int }"
    schema = make_schema(sdl)
    text = "query Colliding { a(source: 1, info: 2, root: 3) row(source: 1) { a } }"
    for _ in range(3):
        result = graphql_core.graphql_sync(schema, text, ROOT)
        assert (result.data, result.errors) == ({"a": 1, "row": {"a": None}}, None)
    for given in (None, graphql.default_field_resolver):
        for _ in range(3):
            document = parse(text)
            found = graphql_core.execute(schema, document, ROOT, field_resolver=given)
            assert (found.data, found.errors) == ({"a": 1, "row": {"a": None}}, None)


@pytest.mark.skipif(not reference.IS_3_3, reason="graphql-core 3.2 delivers in one piece")
def test_so_they_may_where_an_answer_comes_in_parts() -> None:
    schema = make_schema("type Query { a(source: Int, info: Int): Int }")
    defer: Any = graphql.GraphQLDeferDirective
    given: Any = {**schema.to_kwargs(), "directives": [*schema.directives, defer]}
    schema = graphql.GraphQLSchema(**given)
    document = parse("{ ... @defer { late: a(source: 1) } a(source: 1, info: 2) }")
    for _ in range(3):
        found = graphql_core.experimental_execute_incrementally(schema, document, ROOT)
        assert found.initial_result.data == {"a": 1}
    whole = reference.execute(schema, parse("{ a(source: 1, info: 2) }"), ROOT)
    assert whole == graphql.ExecutionResult({"a": 1}, None)


@pytest.mark.skipif(not reference.IS_3_3, reason="subscriptions of graphql-core 3.2 are its own")
async def test_so_they_may_at_a_source_stream() -> None:
    async def numbers(_info: Any, **arguments: int) -> Any:
        yield {"s": arguments["source"]}

    schema = make_schema("type Query { a: Int } type Subscription { s(source: Int): Int }")
    document = parse("subscription { s(source: 3) }")
    stream = graphql_core.subscribe(schema, document, {"s": numbers})
    assert [result.data async for result in stream] == [{"s": 3}]


def test_a_function_that_its_field_cannot_call_is_not_read_past() -> None:
    def wrapped(name: str, source: Any, info: Any, **_arguments: Any) -> Any:
        return source[name]

    schema = make_schema("type Query { a(name: Int): Int b(other: Int): Int }")
    query: Any = schema.query_type
    fields = query.fields
    for name, definition in fields.items():
        definition.resolve = partial(wrapped, name)
    known.read_members(schema, lambda _field: Member("a", MemberAccess.ANY))
    assert [member_of(found.resolve) is None for found in fields.values()] == [True, False]


def test_a_pickled_store_is_empty() -> None:
    store = Store(True)
    make, arguments = store.__reduce__()
    assert make(*arguments).is_incremental
