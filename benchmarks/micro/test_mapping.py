"""Mappings compiled against interpreted: each method, and the shapes that upstreams send.

Every benchmark asserts its answer before it is timed. `pytest benchmarks/micro/test_mapping.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from gateway.connectors.mapping.compile import compile_mapping
from gateway.connectors.mapping.interpret import interpret
from gateway.connectors.mapping.parse import parse_mapping

POSTS: list[dict[str, Any]] = [
    {"id": i, "title": f"title {i}", "userId": i % 10, "meta": {"views": i}, "tags": ["a", "b"]}
    for i in range(100)
]
VARIABLES = {"args": {"limit": 3}}

# name: selection, data, value
CASES: dict[str, tuple[str, Any, Any]] = {
    "list of 100, 3 fields": (
        "id title userId",
        POSTS,
        [{"id": p["id"], "title": p["title"], "userId": p["userId"]} for p in POSTS],
    ),
    "list of 100, one field of 3 absent": (
        "id title missing",
        POSTS,
        [{"id": p["id"], "title": p["title"]} for p in POSTS],
    ),
    "list of 100, group and path": (
        "id views: meta.views author: { id: userId }",
        POSTS,
        [
            {"id": p["id"], "views": p["meta"]["views"], "author": {"id": p["userId"]}}
            for p in POSTS
        ],
    ),
    "list of 100, braces": (
        "id meta { views }",
        POSTS,
        [{"id": p["id"], "meta": {"views": p["meta"]["views"]}} for p in POSTS],
    ),
    "list of 100, a method each": (
        "id tag: tags->first",
        POSTS,
        [{"id": p["id"], "tag": "a"} for p in POSTS],
    ),
    "list of 100, inlined": (
        "id $.meta { views }",
        POSTS,
        [{"id": p["id"], "views": p["meta"]["views"]} for p in POSTS],
    ),
    "?? of a null": ("$(n ?? 'd')", {"n": None}, "d"),
    "add": ("$->add(2, 3)", 1, 6),
    "and": ("$->and(true)", True, True),
    "as": ("$->as($x)->echo($x)", 1, 1),
    "contains": ("$->contains(3)", [1, 2, 3], True),
    "div": ("$->div(2)", 6, 3.0),
    "echo": ("$->echo({ a: @ })", 1, {"a": 1}),
    "entries": ("$->entries", {"a": 1}, [{"key": "a", "value": 1}]),
    "eq": ("$->eq(1)", 1, True),
    "filter": ("$->filter(@.id->gt(97))", POSTS, POSTS[98:]),
    "find": ("$->find(@.id->eq(99))", POSTS, POSTS[99]),
    "first": ("$->first", [1], 1),
    "get": ("$->get(-1)", [1, 2], 2),
    "gt": ("$->gt(1)", 2, True),
    "gte": ("$->gte(1)", 2, True),
    "in": ("$->in([1, 2])", 2, True),
    "joinNotNull": ("$->joinNotNull(',')", ["a", None, 1], "a,1"),
    "jsonParse": ("$->jsonParse", '{"a":1}', {"a": 1}),
    "jsonStringify": ("$->jsonStringify", {"a": 1}, '{"a":1}'),
    "last": ("$->last", [1, 2], 2),
    "lt": ("$->lt(3)", 2, True),
    "lte": ("$->lte(3)", 2, True),
    "map": ("$->map({ n: @.id })", POSTS, [{"n": p["id"]} for p in POSTS]),
    "match": ("$->match(['a', 1], ['b', 2], [@, 0])", "b", 2),
    "mod": ("$->mod(4)", 7, 3),
    "mul": ("$->mul(2)", 3, 6),
    "ne": ("$->ne(1)", 2, True),
    "not": ("$->not", False, True),
    "or": ("$->or(true)", False, True),
    "parseInt": ("$->parseInt", "42", 42),
    "size": ("$->size", [1, 2], 2),
    "slice": ("$->slice(1, $args.limit)", [1, 2, 3, 4], [2, 3]),
    "sub": ("$->sub(1)", 3, 2),
    "toString": ("$->toString", 5, "5"),
}


def compiled(text: str) -> Callable[[Any, Any], Any]:
    return compile_mapping(parse_mapping(text), "benchmark")


def interpreted(text: str) -> Callable[[Any, Any], Any]:
    selection = parse_mapping(text)
    return lambda data, variables: interpret(selection, data, variables)[0]


@pytest.mark.parametrize("way", [compiled, interpreted])
@pytest.mark.parametrize("name", CASES)
def test_mapping(
    benchmark: BenchmarkFixture, name: str, way: Callable[[str], Callable[[Any, Any], Any]]
) -> None:
    text, data, expected = CASES[name]
    benchmark.group = name
    run = way(text)
    assert run(data, VARIABLES) == expected
    benchmark(run, data, VARIABLES)


def test_by_hand(benchmark: BenchmarkFixture) -> None:
    """The bar for a list of 100 with 3 fields: what one would write for just that."""
    benchmark.group = "list of 100, 3 fields"

    def by_hand(data: Any, _variables: Any) -> Any:
        return [{"id": d["id"], "title": d["title"], "userId": d["userId"]} for d in data]

    assert by_hand(POSTS, VARIABLES) == CASES["list of 100, 3 fields"][2]
    benchmark(by_hand, POSTS, VARIABLES)
