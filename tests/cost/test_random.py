"""Estimates hold: no query of a random schema costs more than was estimated, where its lists are bounded.

`COST_QUERIES=10000` asks that many.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest
from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_abstract_type

from gateway.cost.settings import CostSettings, Counting
from gateway.cost.tally import Tally
from gateway.cost.weights import list_levels, weights_of
from tests.cost.fixtures import answered, cost_of, schema_of

QUERIES = int(os.environ.get("COST_QUERIES", "400"))
SDL = """
interface Node { id: ID, next(first: Int = 2): [Node] @listSize(slicingArguments: ["first"]) }
union Any = User | Post | Tag
input Filter { first: Int = 3, words: [String] @cost(weight: 2), inner: Filter }
type Query {
  node: Node @cost(weight: 2)
  any(first: Int, last: Int): [Any]
    @listSize(slicingArguments: ["first", "last"], assumedSize: 3, requireOneSlicingArgument: false)
  users(filter: Filter): [User!]! @listSize(slicingArguments: ["filter.first"], requireOneSlicingArgument: false)
  page(first: Int = 2): Page @listSize(slicingArguments: ["first"], sizedFields: ["edges", "deep.posts"])
  byIds(ids: [ID]): [Tag] @listSize(slicingArguments: ["ids"], assumedSize: 1, requireOneSlicingArgument: false)
  grid: [[Tag]]
}
type Page { edges: [Edge], deep: Deep, total: Int @cost(weight: 1) }
type Edge @cost(weight: 0) { node: User }
type Deep { posts: [Post], tags: [Tag] }
type User implements Node @cost(weight: 3) {
  id: ID, next(first: Int = 2): [Node] @listSize(slicingArguments: ["first"])
  name(short: Boolean @cost(weight: "-2")): String @cost(weight: "1.5")
  posts(first: Int = 1): [Post] @listSize(slicingArguments: ["first"]) @cost(weight: 1)
}
type Post implements Node {
  id: ID, next(first: Int = 2): [Node] @listSize(slicingArguments: ["first"])
  author: User, tags: [Tag] @listSize(assumedSize: 2), any: Any, words: [Word]
}
type Tag implements Node @cost(weight: 2) {
  id: ID, next(first: Int = 2): [Node] @listSize(slicingArguments: ["first"])
  label: Word
}
scalar Word @cost(weight: "0.5")
"""
ARGUMENTS: dict[str, Callable[[random.Random], str]] = {
    "first": lambda r: str(r.randrange(4)),
    "last": lambda r: str(r.randrange(4)),
    "short": lambda _: "true",
    # One item stands for a list of it, whatever its value is.
    "ids": lambda r: r.choice(("null", "0", "-1", "7", '"a"', "[]", '["a"]', '["a", 2, 3]')),
    "filter": lambda r: r.choice(
        ("{}", "{first: 2}", "{first: null}", '{words: "a", inner: {first: 1}}')
    ),
}
VARIABLES = {"first": "Int", "ids": "[ID]", "filter": "Filter"}


class Random:
    """A random query and its variables."""

    def __init__(self, schema: GraphQLSchema, seed: int) -> None:
        self.schema = schema
        self.random = random.Random(seed)
        self.declared: dict[str, str] = {}
        self.variables: dict[str, Any] = {}
        self.fragments: list[str] = []
        body = self.selections(schema.query_type, 4)
        declared = ", ".join(f"${name}: {type_}" for name, type_ in self.declared.items())
        self.text = f"query{f'({declared})' if declared else ''} {body} {' '.join(self.fragments)}"

    def selections(self, type_: Any, depth: int) -> str:
        found = ["__typename"] if self.random.random() < 0.3 or depth == 0 else []
        fields = list(getattr(type_, "fields", {}).items())
        for name, field in self.random.sample(fields, min(len(fields), self.random.randint(1, 3))):
            named = get_named_type(field.type)
            below = ""
            if hasattr(named, "fields") or is_abstract_type(named):
                if depth == 0:
                    continue
                below = self.selections(named, depth - 1)
            for _ in range(1 + (self.random.random() < 0.1)):
                alias = f"a{self.random.getrandbits(40)}: " if self.random.random() < 0.95 else ""
                arguments = self.arguments(field) if alias else ""
                if not alias and field.args:
                    continue
                alias = alias or f"plain_{type_}_{name}: "
                found.append(f"{alias}{name}{arguments}{self.condition()} {below}")
        if is_abstract_type(type_):
            for possible in self.schema.get_possible_types(type_):
                if self.random.random() < 0.6:
                    inner = self.selections(possible, max(0, depth - 1))
                    found.append(self.fragment(possible, inner))
        return "{ " + " ".join(found or ["__typename"]) + " }"

    def fragment(self, possible: GraphQLObjectType, inner: str) -> str:
        if self.random.random() < 0.5:
            return f"... on {possible.name}{self.condition()} {inner}"
        name = f"F{len(self.fragments)}"
        self.fragments.append(f"fragment {name} on {possible.name} {inner}")
        return f"...{name}"

    def arguments(self, field: Any) -> str:
        given = []
        for name in field.args:
            if self.random.random() < 0.4:
                continue
            value = ARGUMENTS[name](self.random)
            if name in VARIABLES and self.random.random() < 0.5:
                value = f"${self.variable(name)}"
            elif name == "filter" and self.random.random() < 0.5:
                value = f"{{first: ${self.variable('first')}}}"
            given.append(f"{name}: {value}")
        return f"({', '.join(given)})" if given else ""

    def variable(self, kind: str) -> str:
        """A variable, given or not."""
        name = f"{kind}{len(self.declared)}"
        self.declared[name] = VARIABLES[kind]
        if self.random.random() < 0.8:
            self.variables[name] = {
                "first": self.random.choice((0, 1, 2, 3, None)),
                "ids": self.random.choice(("a", 7, [], ["a"], ["a", 2], None)),
                "filter": self.random.choice(
                    ({}, {"first": 1}, {"first": None}, {"inner": {"words": "x"}}, None)
                ),
            }[kind]
        return name

    def condition(self) -> str:
        if self.random.random() > 0.1:
            return ""
        name = f"if{len(self.declared)}"
        self.declared[name] = "Boolean!"
        self.variables[name] = self.random.random() < 0.5
        return f" @{self.random.choice(('skip', 'include'))}(if: ${name})"


def answer(schema: GraphQLSchema, seed: int, settings: CostSettings) -> None:
    """Let every list be as long as it may be: what graphql-core asks of a resolver is what the estimate is about."""
    weights = weights_of(schema)
    rng = random.Random(seed)

    def resolve(source: Any, info: Any, **arguments: Any) -> Any:
        field = info.parent_type.fields[info.field_name]
        named = get_named_type(field.type)
        sized = source.get("sized", {}) if isinstance(source, dict) else {}
        written = weights.list_size(field)
        size = settings.list_size
        below: dict[tuple[str, ...], int] = {}
        if written is not None:
            given = [
                found for path in written.slicing if (found := at(arguments, path)) is not None
            ]
            size = (
                max(given) if given else (written.assumed if written.assumed is not None else size)
            )
            below = dict.fromkeys(written.sized, size)
        own = sized.get((info.field_name,))
        size = own if own is not None else size
        below |= {
            path[1:]: n for path, n in sized.items() if len(path) > 1 and path[0] == info.field_name
        }

        def value() -> Any:
            if rng.random() < 0.1 and not str(field.type).endswith("!"):
                return None
            if not (hasattr(named, "fields") or is_abstract_type(named)):
                return 1
            possible = schema.get_possible_types(named) if is_abstract_type(named) else [named]
            return {"__typename": rng.choice(list(possible)).name, "sized": below}

        levels = list_levels(field.type)
        if not levels:
            return value()
        rows = [value() for _ in range(max(0, size))]
        rows = rows if "!" not in str(field.type) else [row for row in rows if row is not None]
        return rows if levels == 1 else [rows] * settings.list_size

    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            for field in type_.fields.values():
                field.resolve = resolve


def at(arguments: Any, path: tuple[str, ...]) -> int | None:
    for name in path:
        arguments = arguments.get(name) if isinstance(arguments, dict) else None
    if isinstance(arguments, list):
        return len(arguments)
    return arguments if isinstance(arguments, int) else None


@pytest.mark.parametrize("count", ["objects", "fields"])
def test_no_query_costs_more_than_was_estimated(count: Counting) -> None:
    schema, settings = schema_of(SDL), CostSettings(list_size=2, count=count)
    exact = 0
    for seed in range(QUERIES // 2):
        query = Random(schema, seed)
        answer(schema, seed, settings)
        cost, given = cost_of(schema, query.text, query.variables, settings)
        estimated = cost.formula.value(given._replace(is_strict=False))
        result = answered(schema, query.text, {}, query.variables)
        assert not result.errors, (query.text, result.errors)
        tally = Tally(cost, given)
        tally.take(result.data)
        assert tally.total <= estimated + 1e-9, (seed, query.text, query.variables)
        exact += tally.total == estimated
    assert exact > QUERIES // 40  # the bound is met where nothing is null
