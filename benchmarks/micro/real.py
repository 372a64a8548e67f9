"""Real operations with small answers: `python -m benchmarks.micro.real --schema S.graphql --operations F.json`.

The file of operations is a list of `[name, text]`, each text with its fragments. Execution alone is measured: the
document is parsed and valid, the plan is there, the variables are given. Both sides get the same rows, by a resolver
on each root field and default resolvers below. Each operation has three answers: `small` has fewer than 50 values,
lists of one to five items and some nulls; `sparse` has empty lists and every other object null; in `null` all is null
that may be. An answer that is not graphql-core's is not timed. Prints how often faster each operation is.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import graphql
from graphql import (
    DocumentNode,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
)

from benchmarks.integrations.corpus import variables_of
from benchmarks.micro import timing
from benchmarks.micro.cases import make_context
from gateway.execute.operation import coerce_variables, execute_operation
from gateway.execute.prepared import Prepared
from gateway.graph.mock_values import leaf_value
from gateway.graph.resolvers import FieldResolver
from gateway.graph.schema import fix

MOST_VALUES = 50
"""An answer of as many leaves and nulls is not small any more."""
SAMPLE_S = 0.001
COLLECTED_EVERY = 50
"""Operations between two collections of garbage."""


@dataclass(frozen=True, slots=True)
class Fill:
    """How an answer is made up.

    Attributes:
        nulls: The part of what may be null that is.
        leaves: The same of leaves.
        items: How many a list has at most; 0 for empty ones.
    """

    nulls: float
    leaves: float
    items: int


SMALL = (Fill(0.1, 0.1, 5), Fill(0.3, 0.1, 3), Fill(0.3, 0.2, 1), Fill(0.6, 0.5, 1), Fill(0.8, 0.8, 1))  # fmt: skip
"""The first of these whose answer is small is taken."""
FILLS = {"small": SMALL, "sparse": (Fill(0.5, 0.1, 0),), "null": (Fill(1, 1, 0),)}


@dataclass(slots=True)
class Measured:
    """What was found of one kind of answers.

    Attributes:
        ratios: How often faster than graphql-core each operation is, its name, and both in µs.
        left_out: How many operations were not measured, by the reason.
    """

    ratios: list[tuple[float, str, float, float]] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def skip(self, reason: str) -> None:
        """Count an operation that is not measured."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


class Rows:
    """Makes up the rows of an answer while graphql-core asks for them."""

    def __init__(self, schema: GraphQLSchema, fill: Fill, seed: str) -> None:
        self.schema = schema
        self.fill = fill
        self.random = random.Random(seed)
        self.root: dict[str, Any] = {}

    def resolve(self, parent: dict[str, Any], info: Any, **_: Any) -> Any:
        """The value of a field, which its row keeps."""
        name = info.field_name
        if name not in parent:
            parent[name] = self.value(info.return_type, name)
        return parent[name]

    def value(self, kind: Any, name: str) -> Any:
        """A value of a type; an object is a row that has no members yet."""
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        else:
            is_leaf = graphql.is_leaf_type(graphql.get_named_type(kind))
            if self.random.random() < (self.fill.leaves if is_leaf else self.fill.nulls):
                return None
        if isinstance(kind, GraphQLList):
            number = self.random.randint(1, self.fill.items) if self.fill.items else 0
            return [self.value(kind.of_type, name) for _ in range(number)]
        if graphql.is_leaf_type(kind):
            return leaf_value(kind, name, f"{name}{self.random.random()}", name)
        if graphql.is_abstract_type(kind):
            possible = self.schema.get_possible_types(kind)
            return {"__typename": self.random.choice(possible).name}
        return {}


def load_schema(path: Path, resolver: Callable[[str], Any] | None) -> GraphQLSchema:
    """A schema, with a resolver on each root field where there is one."""
    schema = graphql.build_schema(path.read_text(), assume_valid=True, assume_valid_sdl=True)
    if resolver is not None:
        for root in (schema.query_type, schema.mutation_type):
            for name, definition in root.fields.items() if root else ():
                definition.resolve = resolver(name)
    return schema


def plain_resolver(name: str) -> Any:
    """A root field of graphql-core's."""
    return lambda root, _info, **_: root[name]


def own_resolver(name: str) -> Any:
    """The same of the gateway's."""
    return FieldResolver(lambda root, _context, **_: root[name], name, False, False)


def values_of(data: Any) -> int:
    """How many leaves, nulls and empty lists an answer has."""
    if isinstance(data, dict):
        return sum(map(values_of, data.values()))
    return (sum(map(values_of, data)) or 1) if isinstance(data, list) else 1


@dataclass(frozen=True, slots=True)
class Corpus:
    """Operations, and three of their schema: one that makes answers up, and one for each side."""

    operations: list[tuple[str, str]]
    making: GraphQLSchema
    plain: GraphQLSchema
    own: GraphQLSchema

    def rows_of(
        self, document: DocumentNode, variables: dict[str, Any], fills: tuple[Fill, ...]
    ) -> dict[str, Any] | None:
        """The root of a small answer; None where no filling gives one."""
        for fill in fills:
            rows = Rows(self.making, fill, f"{fill}{variables}")
            result = graphql.execute_sync(
                self.making,
                document,
                rows.root,
                variable_values=variables,
                field_resolver=rows.resolve,
            )
            if result.data and not result.errors and values_of(result.data) < MOST_VALUES:
                return rows.root
        return None


def load_corpus(schema: Path, operations: Path) -> Corpus:
    """What is in the files."""
    made = [load_schema(schema, resolver) for resolver in (None, plain_resolver, own_resolver)]
    fix(made[2])
    return Corpus(json.loads(operations.read_text()), *made)


def measure(corpus: Corpus, found: dict[str, Measured], pairs: int) -> None:
    """Measure all operations of a corpus, each with each kind of answer."""
    context = make_context()
    gc.collect()
    gc.freeze()
    gc.disable()
    for number, (name, text) in enumerate(corpus.operations):
        document = graphql.parse(text)
        node = next(n for n in document.definitions if isinstance(n, OperationDefinitionNode))
        if node.operation is OperationType.SUBSCRIPTION or graphql.validate(
            corpus.making, document
        ):
            found["small"].skip("a subscription, or not valid")
            continue
        prepared = Prepared(corpus.own, document)
        if prepared.reason is not None:
            found["small"].skip(prepared.reason)
            continue
        variables = variables_of(corpus.making, node)
        for kind, fills in FILLS.items():
            rows = corpus.rows_of(document, variables, fills)
            if rows is None:
                found[kind].skip("no small answer")
                continue

            def core(rows: Any = rows) -> Any:
                return graphql.execute(corpus.plain, document, rows, None, variables)  # noqa: B023

            def ours(rows: Any = rows) -> Any:
                coerced = coerce_variables(prepared, variables)  # noqa: B023
                return execute_operation(prepared, coerced, context, None, rows)  # noqa: B023

            take(found[kind], name, core, ours, pairs)
        if number % COLLECTED_EVERY == 0:
            gc.collect()
    gc.enable()


def take(
    measured: Measured, name: str, core: Callable[[], Any], ours: Callable[[], Any], pairs: int
) -> None:
    """Measure one answer, unless the two are not the same."""
    for _ in range(3):  # what a plan learns of its rows it has learned then
        theirs, made = core(), ours()
        if made.data != theirs.data or made.errors or theirs.errors:
            measured.skip("answered otherwise")
            return
    samples = timing.measure(core, ours, pairs, SAMPLE_S, timed_alone)
    ratio = statistics.median(a / b for a, b in zip(*samples, strict=True))
    theirs_us, ours_us = (statistics.median(each) * 1e6 for each in samples)
    measured.ratios.append((ratio, name, theirs_us, ours_us))


def timed_alone(run: Callable[[], Any], calls: int) -> float:
    """CPU seconds of one call that awaits nothing; garbage is collected between operations, not here."""
    begin = time.thread_time()
    for _ in range(calls):
        run()
    return (time.thread_time() - begin) / calls


def lines(kind: str, measured: Measured, slowest: int) -> Iterator[str]:
    """What is told of one kind of answers."""
    ratios = sorted(measured.ratios)
    if ratios:
        only = [each[0] for each in ratios]
        slower = sum(ratio < 1 for ratio in only)
        yield (
            f"{kind}: {len(only)} operations, median {statistics.median(only):.2f} x graphql-core, "
            f"slowest tenth {only[len(only) // 10]:.2f}, least {only[0]:.2f}, {slower} slower; "
            f"ours {statistics.median(each[3] for each in ratios):.0f} µs in the median"
        )
    for ratio, name, theirs, ours in ratios[:slowest]:
        yield f"    {ratio:6.2f}  {theirs:7.1f} µs / {ours:6.1f} µs  {name}"
    for reason, count in measured.left_out.items():
        yield f"    left out: {count}, {reason}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.micro.real", description=__doc__)
    parser.add_argument("--schema", type=Path, action="append", required=True)
    parser.add_argument("--operations", type=Path, action="append", required=True)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--slowest", type=int, default=5, help="how many to list of each kind")
    options = parser.parse_args()
    found = {kind: Measured() for kind in FILLS}
    for schema, operations in zip(options.schema, options.operations, strict=True):
        measure(load_corpus(schema, operations), found, options.pairs)
    for kind, measured in found.items():
        print("\n".join(lines(kind, measured, options.slowest)))


if __name__ == "__main__":
    main()
