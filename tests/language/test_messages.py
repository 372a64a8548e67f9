"""What is in messages is what graphql-core puts there, but at a cost that has a bound."""

from __future__ import annotations

import importlib.util
from importlib import import_module
from typing import Any

import pytest
from graphql import build_schema, parse, validate
from graphql.pyutils import suggestion_list
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RequestError
from gateway.language.limits import Limits
from gateway.language.messages import MOST_SHOWN, LexicalDistance, reference
from gateway.language.validate import validate_document


def own_of_the_reference() -> Any:
    """graphql-core's module as it is installed, a second time."""
    spec = importlib.util.find_spec("graphql.pyutils.suggestion_list")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REFERENCE = own_of_the_reference()
NAMES = st.text("abABcC_1é\U0001f600\ud800", max_size=14)


@given(NAMES, st.lists(NAMES, max_size=8))
def test_suggestions_are_those_of_the_reference(name: str, options: list[str]) -> None:
    options = [*options, name.swapcase(), name[1:], name[1:2] + name[:1] + name[2:]]
    assert suggestion_list(name, options) == REFERENCE.suggestion_list(name, options)


@pytest.mark.parametrize("module", ["gateway.language.validate", "gateway.runtime.reference"])
def test_what_makes_errors_has_it(module: str) -> None:
    import_module(module)
    assert reference.LexicalDistance is LexicalDistance
    assert REFERENCE.LexicalDistance is not LexicalDistance


def test_a_name_that_is_far_too_long_is_not_compared() -> None:
    distance = LexicalDistance("A" * 100_000)
    distance._distance = lambda *_, **__: pytest.fail("it is compared")
    assert distance.measure("NORTH", 40_001) is None


def test_a_name_that_grows_in_lower_case_is_compared() -> None:
    """graphql-core's own distance raises an IndexError here."""
    assert suggestion_list("İİİ", ["iii", "north"]) == []


def test_a_wrong_name_in_a_large_schema_gets_its_suggestion() -> None:
    types = " ".join(f"type Item{number} {{ id: ID }}" for number in range(1_500))
    schema = build_schema(f"type Query {{ north: ID }} {types}")
    document = "{ nort } fragment F on Itme1499 { id }"
    with pytest.raises(RequestError) as caught:
        validate_document(schema, parse(document), document, Limits())
    messages = [error.message for error in caught.value.errors]
    assert "Cannot query field 'nort' on type 'Query'. Did you mean 'north'?" in messages
    assert any("Did you mean 'Item1499'" in message for message in messages)


NESTED = build_schema("type Query { g(x: In): Int } input In { a: In b: Int }")


def messages_of(document: str) -> list[str]:
    with pytest.raises(RequestError) as caught:
        validate_document(NESTED, parse(document), document, Limits())
    return [error.message for error in caught.value.errors]


def test_a_literal_is_shown_as_the_reference_shows_it() -> None:
    document = '{ g(x: { z: { y: """\n  two\n    lines\n""" } }) }'
    assert messages_of(document) == [error.message for error in validate(NESTED, parse(document))]


def test_a_literal_that_would_be_long_is_shown_as_it_was_written() -> None:
    literal = "{ zzzz: " * 50 + '"""' + "\na" * 300 + '\n"""' + " }" * 50
    assert len(literal) < MOST_SHOWN
    expected = "Expected value of type 'In' not to include unknown field 'zzzz', found: "
    assert messages_of(f"{{ g(x: {literal}) }}") == [f"{expected}{literal}."]
    longer = literal.replace("a", "aaaaaaaa")
    assert messages_of(f"{{ g(x: {longer}) }}") == [f"{expected}{longer[:MOST_SHOWN]}…."]
