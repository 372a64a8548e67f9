"""Each limit at its edge, counted after fragments are expanded."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from graphql import parse

from gateway.error_codes import CODES
from gateway.errors import ClientError, RequestError
from gateway.language.document import load_document
from gateway.language.limits import Limits, check_document, check_text
from gateway.language.measure import measure_operations
from gateway.language.parse import parse_document
from gateway.language.validate import validate_document
from gateway.telemetry.records import line_of
from tests.language.hostile import SCHEMA


def measures(text: str) -> dict[str, Any]:
    ((_, found),) = measure_operations(parse(text))
    return {
        "depth": found.depth,
        "aliases": found.aliases,
        "directives": found.directives,
        "root_fields": found.root_fields,
        "selections": found.selections,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ a }", {"depth": 1, "aliases": 0, "directives": 0, "root_fields": 1, "selections": 1}),
        ("{ a { b { c } d } }", {"depth": 3, "aliases": 0, "directives": 0, "root_fields": 1, "selections": 4}),
        ("{ x: a { y: b } ... { c } }", {"depth": 2, "aliases": 2, "directives": 0, "root_fields": 2, "selections": 4}),
        ("query ($v: Int @d) @d { a @d ...F @d } fragment F on Q @d { b @d }", {"depth": 1, "aliases": 0, "directives": 6, "root_fields": 2, "selections": 3}),
        ("{ a { ...F ...F } } fragment F on T { x: b { c } }", {"depth": 3, "aliases": 2, "directives": 0, "root_fields": 1, "selections": 7}),
        ("{ ...F } fragment F on Q { a { ...G } ...G } fragment G on Q { b { c } }", {"depth": 3, "aliases": 0, "directives": 0, "root_fields": 2, "selections": 8}),
        # A cycle, and a fragment that is not there, add nothing.
        ("{ ...F } fragment F on Q { a ...F }", {"depth": 1, "aliases": 0, "directives": 0, "root_fields": 1, "selections": 3}),
        ("{ ...Nowhere a }", {"depth": 1, "aliases": 0, "directives": 0, "root_fields": 1, "selections": 2}),
    ],
)  # fmt: skip
def test_what_an_operation_asks_for(text: str, expected: dict[str, int]) -> None:
    assert measures(text) == expected


def test_expansion_is_exponential_and_counting_is_not() -> None:
    parts = [f"fragment F{n} on Q {{ ...F{n + 1} ...F{n + 1} }}" for n in range(250)]
    found = measures("{ ...F0 } " + " ".join([*parts, "fragment F250 on Q { a }"]))
    assert found["root_fields"] == 2**250


EDGES = [
    ("max_depth", "MAX_DEPTH_LIMIT", "{ a { b { c } } }", 3),
    ("max_aliases", "MAX_ALIASES_LIMIT", "{ a: x b: x }", 2),
    ("max_root_fields", "MAX_ROOT_FIELDS_LIMIT", "{ a b c }", 3),
    ("max_directives", "MAX_DIRECTIVES_LIMIT", "{ a @x @x }", 2),
    ("max_selections", "MAX_SELECTIONS_LIMIT", "{ a { b } c }", 3),
]


@pytest.mark.parametrize(("limit", "code", "text", "found"), EDGES)
def test_a_limit_is_the_last_value_that_passes(
    limit: str, code: str, text: str, found: int
) -> None:
    settings: dict[str, Any] = {limit: found}
    check_document(parse(text), Limits(**settings))
    settings[limit] -= 1
    with pytest.raises(ClientError) as caught:
        check_document(parse(text), Limits(**settings))
    assert caught.value.code == code
    assert str(found) in caught.value.message
    assert f"limits.{limit} is {found - 1}" in caught.value.message
    assert CODES[code].http_status == 400


@pytest.mark.parametrize(("limit", "code", "text", "found"), EDGES)
def test_a_limit_can_be_measured_first(
    limit: str, code: str, text: str, found: int, caplog: pytest.LogCaptureFixture
) -> None:
    settings: dict[str, Any] = {limit: found - 1, "mode": "measure"}
    with caplog.at_level(logging.WARNING, "gateway.limits"):
        check_document(parse(f"query Name {text}"), Limits(**settings))
    (line,) = map(line_of, caplog.records)
    assert (line["code"], line["operation_name"]) == (code, "Name")


def test_every_operation_of_a_document_counts() -> None:
    with pytest.raises(ClientError):
        check_document(parse("query A { a } query B { a { b } }"), Limits(max_depth=1))


def test_bytes_are_counted_in_utf_8() -> None:
    limits = Limits(max_document_bytes=10)
    check_text("x" * 10, limits)
    check_text("é" * 5, limits)
    for text in ("x" * 11, "é" * 6, "\ud800" * 4):
        with pytest.raises(ClientError) as caught:
            check_text(text, limits)
        assert caught.value.code == "MAX_DOCUMENT_LIMIT"


def test_tokens_are_counted_with_comments() -> None:
    limits = Limits(max_tokens=4)
    parse_document("{ a #\n}", limits)
    for text in ("{ a b c }", "{ a #\n#\n}", "#\n" * 5 + "{ a }"):
        with pytest.raises(ClientError) as caught:
            parse_document(text, limits)
        assert caught.value.code == "MAX_TOKENS_LIMIT"


def test_syntax_errors_keep_their_words_and_places() -> None:
    with pytest.raises(RequestError) as caught:
        parse_document("{ a(", Limits())
    assert caught.value.code == "GRAPHQL_PARSE_FAILED"
    (error,) = caught.value.errors
    assert error.message == "Syntax Error: Expected Name, found <EOF>."
    assert [(at.line, at.column) for at in error.locations or ()] == [(1, 5)]


def test_validation_errors_are_capped() -> None:
    with pytest.raises(RequestError) as caught:
        load_document("{ n1 n2 n3 n4 }", SCHEMA, Limits(max_validation_errors=2))
    assert caught.value.code == "GRAPHQL_VALIDATION_FAILED"
    assert [error.message for error in caught.value.errors] == [
        "Cannot query field 'n1' on type 'Query'.",
        "Cannot query field 'n2' on type 'Query'.",
        "Too many validation errors, error limit reached. Validation aborted.",
    ]


def test_the_budget_is_put_back() -> None:
    from graphql.validation.rules import overlapping_fields_can_be_merged as overlapping

    before = overlapping.MAX_COMPLEXITY_BUDGET
    text = "{ a { " + "f(a: 1) f(a: 2) " * 20 + "} }"
    document = parse(text)
    with pytest.raises(ClientError):
        validate_document(SCHEMA, document, text, Limits(max_validation_work=100))
    assert before == overlapping.MAX_COMPLEXITY_BUDGET
