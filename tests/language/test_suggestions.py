"""The distance that suggestions are made by is graphql-core's, whose own is too slow for who may ask anything."""

from __future__ import annotations

import importlib.util
from importlib import import_module
from typing import Any

import pytest
from graphql import build_schema, parse
from graphql.pyutils import suggestion_list
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RequestError
from gateway.language.limits import Limits
from gateway.language.suggestions import LexicalDistance, reference
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
