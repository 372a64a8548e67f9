"""Invariants over random mappings and random data.

Compiled code gives what interpretation gives; nothing raises but MappingSyntaxError while parsing; a
written tree parses to itself; what the analysis says of a mapping is true of its results.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.connectors.mapping.analyse import plain_shape, read_input, read_paths, supplied_fields
from gateway.connectors.mapping.compile import compile_mapping
from gateway.connectors.mapping.interpret import interpret
from gateway.connectors.mapping.members import NOTHING, Members, fill_value
from gateway.connectors.mapping.parse import SPECS, parse_mapping
from gateway.connectors.mapping.project import project_mapping
from gateway.connectors.mapping.scanner import MappingSyntaxError
from gateway.connectors.mapping.write import write_mapping
from tests.connectors.mapping.random_mappings import data, selections, variables
from tests.connectors.mapping.table import text_of

TOKENS = st.lists(
    st.sampled_from(
        [
            "a",
            "b",
            "'k'",
            '"',
            "'",
            "$",
            "@",
            "$(",
            ")",
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            ".",
            "->",
            "first",
            "(",
            "?",
            "??",
            "?!",
            "1",
            "-",
            "1.5",
            ".5",
            " ",
            "\n",
            "#",
            "true",
            "null",
            "\\",
        ]
    ),
    max_size=14,
).map("".join)


def unordered(value: Any) -> str:
    return "no value" if value is ... else json.dumps(value, sort_keys=True)


@settings(max_examples=600, deadline=None)
@given(selections, data, variables)
def test_compiled_gives_what_interpretation_gives(
    text: str, value: Any, named: dict[str, Any]
) -> None:
    selection = parse_mapping(text)
    before = text_of([value, named])
    expected, problems = interpret(selection, value, named)
    compiled = compile_mapping(selection, "random")
    assert text_of(compiled(value, named)) == text_of(expected)
    assert compiled.problems(value, named) == problems
    assert len(problems) == len(set(problems))
    assert text_of([value, named]) == before


@settings(max_examples=300, deadline=None)
@given(selections, data, variables)
def test_filled_names_all_that_is_supplied(text: str, value: Any, named: dict[str, Any]) -> None:
    selection = parse_mapping(text)
    supply = supplied_fields(selection)
    filled = compile_mapping(selection, "filled", fill=supply)(value, named)
    expected, _ = interpret(selection, value, named)
    assert unordered(filled) == unordered(... if expected is ... else fill_value(expected, supply))


@settings(max_examples=300, deadline=None)
@given(selections, data, variables)
def test_results_hold_no_more_than_is_supplied(
    text: str, value: Any, named: dict[str, Any]
) -> None:
    selection = parse_mapping(text)
    assert_held(interpret(selection, value, named)[0], supplied_fields(selection))


def assert_held(value: Any, supply: Members) -> None:
    if supply.whole:
        return
    if isinstance(value, list):
        for element in value:
            assert_held(element, supply)
    elif isinstance(value, dict):
        for name, member in value.items():
            assert_held(member, supply.members[name])


@settings(max_examples=300, deadline=None)
@given(selections, data, variables)
def test_nothing_is_read_but_what_is_said_to_be(
    text: str, value: Any, named: dict[str, Any]
) -> None:
    selection = parse_mapping(text)
    reads = read_paths(selection)
    less = {name: pruned(whole, reads.get(name, NOTHING)) for name, whole in named.items()}
    part = pruned(value, read_input(selection) or NOTHING)
    assert text_of(interpret(selection, part, less)[0]) == text_of(
        interpret(selection, value, named)[0]
    )


def pruned(value: Any, wanted: Members) -> Any:
    if wanted.whole:
        return value
    if isinstance(value, list):
        return [pruned(element, wanted) for element in value]
    if isinstance(value, dict):
        return {
            name: pruned(member, wanted.members[name])
            for name, member in value.items()
            if name in wanted.members
        }
    return value


@settings(max_examples=400, deadline=None)
@given(selections, data, variables, st.randoms(use_true_random=False))
def test_projection_keeps_what_is_wanted(
    text: str, value: Any, named: dict[str, Any], choice: Any
) -> None:
    selection = parse_mapping(text)
    wanted = some_of(supplied_fields(selection), choice)
    less = project_mapping(selection, wanted)
    full = interpret(selection, value, named)[0]
    assert unordered(observed(interpret(less, value, named)[0], wanted)) == unordered(
        observed(full, wanted)
    )
    compiled = compile_mapping(less, "projected", fill=wanted)
    assert unordered(observed(compiled(value, named), wanted)) == unordered(
        observed(full if full is ... else fill_value(full, wanted), wanted)
    )


def some_of(supply: Members, choice: Any) -> Members:
    members = {
        name: some_of(member, choice)
        for name, member in supply.members.items()
        if choice.random() < 0.5
    }
    return Members(members, supply.whole)


def observed(value: Any, wanted: Members) -> Any:
    if wanted.whole or value is ...:
        return value
    if isinstance(value, list):
        return [observed(element, wanted) for element in value]
    if isinstance(value, dict):
        return {
            name: observed(value[name], member)
            for name, member in wanted.members.items()
            if name in value
        }
    return value


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=40), TOKENS), st.sampled_from(SPECS))
def test_parsing_raises_nothing_else(text: str, spec: str) -> None:
    try:
        selection = parse_mapping(text, spec)
    except MappingSyntaxError as error:
        assert 0 <= error.offset <= len(text)  # noqa: PT017 -- both outcomes are right
    else:
        assert_round_trip(text, spec)
        supplied_fields(selection), read_paths(selection), plain_shape(selection)


@settings(max_examples=300, deadline=None)
@given(selections)
def test_written_trees_parse_to_themselves(text: str) -> None:
    assert_round_trip(text, "0.3")


def assert_round_trip(text: str, spec: str) -> None:
    tree = parse_mapping(text, spec)
    again = parse_mapping(write_mapping(tree), spec)
    assert bare(dataclasses.asdict(again)) == bare(dataclasses.asdict(tree))


def bare(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: bare(each) for key, each in node.items() if key not in ("start", "end", "text")
        }
    return [bare(each) for each in node] if isinstance(node, (list, tuple)) else node
