"""What a document costs is known before it is planned, and what is admitted is bounded: counted in nodes."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse

from gateway.error_codes import CODES
from gateway.errors import ClientError
from gateway.execute.prepared import Prepared
from gateway.graph.resolvers import FieldResolver
from gateway.language.document import load_document
from gateway.language.limits import Limits
from gateway.plan import work
from gateway.plan.work import check_work, count_work
from gateway.telemetry.records import line_of
from tests.language.hostile import SCHEMA as HOSTILE
from tests.plan.costly import find_costly
from tests.plan.test_demo_plans import schema as demo_schema

schema = demo_schema  # pytest's fixture
SDL = """
    interface Node { id: ID rep: String child: Node }
    type A implements Node { id: ID rep: String child: Node a(n: Int, m: Int): Int }
    type B implements Node { id: ID rep: String child: Node b: Int }
    type O { id: ID rep: String child: O }
    type Query { node(n: Int): Node o(n: Int): O }
"""
SMALL = build_schema(SDL)


def nested(depth: int) -> str:
    return "id rep __typename" + (f" child {{ {nested(depth - 1)} }}" if depth else "")


def spread(places: int, field: str, type_: str, depth: int) -> str:
    """One fragment at many places: its text is small whatever it expands to."""
    fields = " ".join(f"b{n}: {field}(n: {n}) {{ ...F }}" for n in range(places))
    return f"query Q1 {{ {fields} }} fragment F on {type_} {{ {nested(depth)} }}"


def units(text: str, schema: GraphQLSchema = SMALL) -> int:
    """Without those of the text."""
    document = parse(text)
    tokens = work.TOKEN * work._count_tokens(document)
    return count_work(schema, document, None, 10**9) - tokens


def made(prepared: Prepared) -> tuple[int, int]:
    """How many fields and selections the plans of an operation have."""
    codes = prepared._variants.all()
    fields = sum(len(code.bound.fields) for code in codes)
    return fields, sum(len(code.bound.selections) for code in codes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ o { id } }", 2 * work.SELECTION + 2 * work.FIELD + work.ARGUMENT + 2),
        # Each place counts, whatever its name; what stands twice under one key does not.
        ("{ o { ...F } p: o { ...F } } fragment F on O { id }", 3 * work.SELECTION + 4 * work.FIELD + 2 * work.ARGUMENT + 6),
        ("{ o { id id ...F } } fragment F on O { id }", 2 * work.SELECTION + 2 * work.FIELD + work.ARGUMENT + 5),
        # A selection on an interface is one on each of its types.
        ("{ node { id } }", 3 * work.SELECTION + 2 * work.CHOICE + 3 * work.FIELD + work.ARGUMENT + 3),
        ("{ node { ... on A { a } } }", 3 * work.SELECTION + 2 * work.CHOICE + 2 * work.FIELD + 3 * work.ARGUMENT + 4),
        ("{ __schema { types { name fields { name } } } }", work.SELECTION + work.FIELD + 1),
    ],
)  # fmt: skip
def test_what_an_operation_costs(text: str, expected: int) -> None:
    assert units(text) == expected


@pytest.mark.parametrize("resolves", [False, True])
@pytest.mark.parametrize(
    "text", [spread(20, "o", "O", 5), spread(3, "node", "Node", 3), "{ o { id } }"]
)
def test_units_follow_what_the_plan_has(text: str, resolves: bool) -> None:
    small = build_schema(SDL)
    if resolves:
        for name in ("A", "B", "O"):
            type_: Any = small.type_map[name]
            type_.fields["rep"].resolve = FieldResolver(lambda *_: "x", f"{name}.rep", False, False)
    document = parse(text)
    fields, selections = made(Prepared(small, document))
    least = work.FIELD * fields + work.SELECTION * selections
    assert least <= units(text, small) <= least * 3


def test_what_a_small_document_expands_to_is_refused_with_the_limit_and_its_value() -> None:
    text = spread(20, "node", "Node", 18)
    assert len(text) < 1_200
    with pytest.raises(ClientError) as caught:
        check_work(SMALL, load_document(text, SMALL, Limits()), None, Limits())
    error = caught.value
    assert (error.code, error.http_status) == ("MAX_WORK_LIMIT", 400)
    assert "limits.max_work is 60000" in error.message
    assert str(count_work(SMALL, parse(text), None, 60_000)) in error.message
    assert error.code in CODES


def test_a_limit_is_the_last_value_that_passes(caplog: pytest.LogCaptureFixture) -> None:
    document = parse("query Name { o { id } }")
    found = count_work(SMALL, document, None, 10**9)
    assert check_work(SMALL, document, None, Limits(max_work=found))
    assert not check_work(SMALL, document, None, Limits(max_work=found - 1))
    most = found // work.WITHOUT_PLAN
    with pytest.raises(ClientError):
        check_work(SMALL, document, None, Limits(max_work=most - 1))
    with caplog.at_level(logging.WARNING, "gateway.limits"):
        assert check_work(SMALL, document, "Name", Limits(max_work=most - 1, mode="measure"))
    line = line_of(caplog.records[0])
    assert (line["code"], line["operation_name"]) == ("MAX_WORK_LIMIT", "Name")


def test_an_interface_below_an_interface_runs_without_a_plan() -> None:
    document = load_document(f"{{ node {{ {nested(9)} }} }}", SMALL, Limits())
    assert not check_work(SMALL, document, None, Limits())
    prepared = Prepared(SMALL, document, is_planned=False)
    assert (prepared.executor, prepared.reason) == ("fallback", "more work than limits.max_work")
    assert not prepared._variants.all()


@pytest.mark.parametrize("operation", ["mutation", "subscription"])
def test_only_a_query_runs_without_a_plan(operation: str) -> None:
    document = parse(operation + " { o { id rep } }")
    assert not work._is_plain_query(document, None)
    assert not work._is_plain_query(parse("{ ... @defer { o { id } } }"), None)


def test_counting_takes_as_many_steps_as_the_document_has_selections() -> None:
    root: Any = SMALL.query_type
    document = parse(spread(150, "node", "Node", 30))
    counter = work._Counter(SMALL, document, 10**12)
    total = counter.count(root, (document.definitions[0].selection_set,), 0)  # type: ignore[attr-defined]
    assert total > 10**11
    assert len(counter._totals) == 1 + 2 * (150 + 30)


def test_counting_ends_where_it_alone_is_too_much() -> None:
    many = " ".join(
        f"b{n}: node {{ ...F{n} {' '.join(f'...G{n} ' for n in range(60))} }}" for n in range(60)
    )
    parts = [
        f"fragment F{n} on Node {{ id }} fragment G{n} on Node {{ g{n}: id }}" for n in range(60)
    ]
    root: Any = SMALL.query_type
    document = parse("{ " + many + " } " + " ".join(parts))
    counter = work._Counter(SMALL, document, 2_000)
    with pytest.raises(work._EnoughError):
        counter.count(root, (document.definitions[0].selection_set,), 0)  # type: ignore[attr-defined]
    assert counter.walked < 2_000 + 200


def test_only_the_operation_that_is_meant_counts() -> None:
    document = parse("query A { o { id } } query B { o { id rep child { id rep } } }")
    assert count_work(SMALL, document, "A", 10**9) < count_work(SMALL, document, "B", 10**9)


@pytest.mark.parametrize("name", ["small", "hostile", "demo"])
def test_the_costliest_documents_that_are_admitted_are_bounded(
    name: str, schema: GraphQLSchema
) -> None:
    """With the weights that were measured: no more than 60 ms of CPU where the default was set."""
    limits = Limits()
    searched = {"small": SMALL, "hostile": HOSTILE, "demo": schema}[name]
    found = find_costly(searched, limits, most=3)
    assert found
    assert found[0].work > limits.max_work // 2  # the search comes near to the limit
    for costly in found:
        prepared = Prepared(searched, costly.document)
        assert prepared.executor == "compiled"
        fields, selections = made(prepared)
        assert work.FIELD * fields + work.SELECTION * selections <= limits.max_work
        (code,) = prepared._variants.all()
        assert code.text.count("\n") <= 9 * (fields + selections)
        assert len(code.text) <= 420 * (fields + selections)
