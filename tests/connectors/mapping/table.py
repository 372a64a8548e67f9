"""How the tables of cases are read: each case by the interpreter and by compiled code, per version."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from gateway.connectors.mapping.compile import compile_mapping
from gateway.connectors.mapping.interpret import interpret
from gateway.connectors.mapping.parse import parse_mapping

EVERY = ("0.1", "0.2", "0.3", "0.4")
NEW = ("0.3", "0.4")
BEFORE = ("0.1", "0.2", "0.3")
OLD = ("0.1", "0.2")


class Case(NamedTuple):
    """A selection, its input, and what comes of it.

    `problems` is how many there are, or their texts with paths.
    """

    selection: str
    data: Any
    value: Any
    problems: int | Sequence[str] = 0
    variables: Mapping[str, Any] | None = None
    specs: Sequence[str] = EVERY


def text_of(value: Any) -> str:
    """Write a value so that 1, 1.0 and true differ, and so does the order of members."""
    return "no value" if value is ... else json.dumps(value, ensure_ascii=False)


def params(cases: Iterable[Case]) -> list[Any]:
    """Spread cases over their versions, with readable identifiers."""
    return [
        pytest.param(case, spec, id=f"v{spec} {case.selection} on {text_of(case.data)}"[:90])
        for case in cases
        for spec in case.specs
    ]


def check(case: Case, spec: str) -> None:
    """Assert a case's value from both, and its problems."""
    selection = parse_mapping(case.selection, spec)
    variables = case.variables or {}
    value, problems = interpret(selection, case.data, variables)
    compiled = compile_mapping(selection, "case")
    assert text_of(value) == text_of(case.value)
    assert text_of(compiled(case.data, variables)) == text_of(case.value), compiled.source
    texts = [str(problem) for problem in problems]
    if isinstance(case.problems, int):
        assert len(texts) == case.problems, texts
    else:
        assert texts == list(case.problems)
    assert compiled.problems(case.data, variables) == problems
