"""`docs/mapping.md`: each of its examples gives what it shows, and it tells every method there is."""

from __future__ import annotations

from typing import Any

import pytest

from docs.mapping import VARIABLES, allowed, examples
from docs.methods import METHODS
from gateway.connectors.mapping.compile import compile_mapping
from gateway.connectors.mapping.interpret import interpret
from gateway.connectors.mapping.methods.table import NAMES
from gateway.connectors.mapping.parse import parse_mapping
from tests.connectors.mapping.table import text_of

EXAMPLES = examples()


@pytest.mark.parametrize(
    ("spec", "text", "data", "result"), EXAMPLES, ids=[f"v{e[0]} {e[1]}"[:80] for e in EXAMPLES]
)
def test_an_example_gives_what_the_page_shows(spec: str, text: str, data: Any, result: Any) -> None:
    selection = parse_mapping(text, spec)
    value, _ = interpret(selection, data, {})
    assert text_of(value) == text_of(result)
    assert text_of(compile_mapping(selection, "example")(data, {})) == text_of(result)


def test_every_method_is_told_with_an_example() -> None:
    told = {name: method for group in METHODS.values() for name, method in group.items()}
    assert told.keys() == NAMES
    for name, method in told.items():
        assert all(f"->{name}" in text for text, _, _ in method.examples), name
        assert method.examples, name


def test_variables_are_allowed_where_the_checks_say() -> None:
    """What the page's table says is asked of the checks; these are its corners."""
    assert not any(
        allowed(name, "`baseURL`") for name in VARIABLES if name not in ("$config", "$env")
    )
    assert not allowed("$batch", "`selection`")
    assert allowed("$status", "`errors`, `isSuccess`")
    assert all(any(allowed(name, place) for place in ("`selection`", "URL, headers, `path`, `queryParams`, `body`")) for name in VARIABLES)  # fmt: skip
