"""Which run of a document is compiled, and by what a document is found again."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import graphql
import pytest
from graphql import DocumentNode, FieldNode, Visitor, parse, visit

from gateway.integrations import graphql_core, operations
from gateway.integrations.operations import Store, store_of
from tests.execute.reference import make_schema
from tests.integrations.rows import ROOT, SDL

pytestmark = pytest.mark.usefixtures("compiled_when_seen_again")


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


def test_a_pickled_store_is_empty() -> None:
    store = Store(True)
    make, arguments = store.__reduce__()
    assert make(*arguments).is_incremental
