"""The size that the plan cache counts is what a plan holds, by tracemalloc, within a fifth."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema

from gateway.execute.prepared import Prepared
from gateway.language.limits import Limits
from gateway.language.parse import parse_document
from tests.plan.test_demo_plans import QUERIES
from tests.plan.test_demo_plans import schema as demo_schema
from tests.plan.test_work import SMALL, spread

schema = demo_schema  # pytest's fixture
LIMITS = Limits(max_document_bytes=1_000_000, max_tokens=100_000)
WIDE = build_schema("type Query { " + " ".join(f"f{n}(a: Int): Int" for n in range(300)) + " }")
FLAGS = [*(f"v{n}" for n in range(6)), "comments"]
VARIED = (
    "query (" + " ".join(f"${name}: Boolean!" for name in FLAGS) + ") { "
    + " ".join(f"o{n}: o(n: {n}) @include(if: ${name}) {{ id rep child {{ id rep }} }}" for n, name in enumerate(FLAGS))
    + " }"
)  # fmt: skip


def resolving(schema: GraphQLSchema) -> GraphQLSchema:
    for type_ in schema.type_map.values():
        for field in (
            getattr(type_, "fields", {}).values() if not type_.name.startswith("__") else ()
        ):
            if hasattr(field, "resolve"):
                field.resolve = lambda _row, _info, **_arguments: None
    return schema


def held(schema: GraphQLSchema, text: str, variants: int) -> tuple[Any, int]:
    def make() -> Prepared:
        prepared = Prepared(schema, parse_document(text, LIMITS))
        for number in range(variants):
            prepared.code({name: bool(number >> n & 1) for n, name in enumerate(FLAGS)})
        return prepared

    make()  # what is made once for a schema is none of a plan's
    sizes = []
    tracemalloc.start()
    try:
        for _time in range(2):  # a table of all plans may grow just now, of two not for both
            prepared: Any = None  # its code would be shared
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            prepared = make()
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0] - before)
    finally:
        tracemalloc.stop()
    return prepared, min(sizes)


CASES: dict[str, tuple[Callable[[GraphQLSchema], GraphQLSchema], str, int]] = {
    "small": (lambda _: SMALL, "{ o { id rep } }", 0),
    "deep": (lambda _: SMALL, spread(1, "o", "O", 18), 0),
    "spread": (lambda _: SMALL, spread(20, "o", "O", 8), 0),
    "abstract": (lambda _: SMALL, spread(5, "node", "Node", 3), 0),
    "wide": (lambda _: WIDE, "{ " + " ".join(f"f{n}(a: {n})" for n in range(300)) + " }", 0),
    "resolvers": (lambda _: resolving(build_schema("type Query { o: O } type O { id: ID a(n: Int): Int o: O }")), "{ o { id a o { id a o { id a o { id a o { id a } } } } } }", 0),
    "one variant": (lambda _: SMALL, VARIED, 1),
    "many variants": (lambda _: SMALL, VARIED, 16),
    **{f"demo {name}": (lambda demo: demo, text, 2 if "Boolean" in text else 0) for name, text in QUERIES.items()},
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_size_is_right_within_a_fifth(name: str, schema: GraphQLSchema) -> None:
    make_schema, text, variants = CASES[name]
    prepared, size = held(make_schema(schema), text, variants)
    assert prepared.executor == "compiled"
    assert prepared.size_bytes == pytest.approx(size, rel=0.2)
