"""Real operations, each sent several times: `python -m benchmarks.integrations.corpus FOLDER [--runs 6]`.

FOLDER has `schema.graphql`, or `schema.json` of an introspection, and below it any number of documents: `*.graphql` and
`*.gql` with operations and fragments, which are found by their names in whichever file they stand. What does not fit
the schema is left out and counted. Each request is parsed, validated and executed, as frameworks do it: by
graphql-core's `graphql_sync`, and by the one of `gateway.integrations.graphql_core`; where they do not answer the same,
that is told. Rows are made up, variables too. Prints how often faster each run is, in CPU time, all operations
together. The collector of garbage runs between the operations, and is not counted.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import graphql
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLSyntaxError,
    Node,
    OperationDefinitionNode,
    OperationType,
    Visitor,
    print_ast,
    type_from_ast,
    visit,
)

from gateway.graph.mock_values import leaf_value
from gateway.integrations import graphql_core as compiled

ITEMS = 3
"""Objects in a list."""
COLLECTED_EVERY = 50
"""Operations between two collections of garbage."""
NESTED = 5
"""Input objects in one another, where they are required."""


@dataclass(slots=True)
class Corpus:
    """A schema, and what is asked of it.

    Attributes:
        operations: Each as a text of its own, with its variables.
        left_out: Operations that do not fit the schema.
        differing: Names of those that were not answered the same.
    """

    schema: GraphQLSchema
    root: dict[str, Any]
    operations: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    left_out: int = 0
    differing: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Spent:
    """CPU seconds of one run, by operation."""

    plain: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)

    def line(self) -> str:
        """All operations together, the middle one, and how many are slower than graphql-core."""
        ratios = [a / b for a, b in zip(self.plain, self.ours, strict=True)]
        slower = sum(ratio < 1 for ratio in ratios) / len(ratios)
        whole, middle = sum(self.plain) / sum(self.ours), statistics.median(ratios)
        return f"{whole:6.2f} together  {middle:6.2f} median  {slower:4.0%} slower"


def load_schema(folder: Path) -> GraphQLSchema:
    """The schema of a folder, without `@defer` and `@stream`: graphql-core's `graphql` refuses one that has them."""
    introspected = folder / "schema.json"
    if introspected.exists():
        found = json.loads(introspected.read_text())
        schema = graphql.build_client_schema(found.get("data", found), assume_valid=True)
    else:
        text = (folder / "schema.graphql").read_text()
        schema = graphql.build_schema(text, assume_valid=True, assume_valid_sdl=True)
    given = schema.to_kwargs()
    given["directives"] = [
        each for each in given["directives"] if each.name not in ("defer", "stream")
    ]
    return GraphQLSchema(**given)


def definitions(folder: Path) -> Iterator[Any]:
    """Operations and fragments of all documents."""
    for path in sorted((*folder.rglob("*.graphql"), *folder.rglob("*.gql"))):
        if path.name != "schema.graphql":
            try:
                yield from graphql.parse(path.read_text()).definitions
            except GraphQLSyntaxError as exc:
                print(f"{path}: {exc.message}")


def load_corpus(folder: Path) -> Corpus:
    """What is in a folder."""
    schema = load_schema(folder)
    rows = rows_of(schema)
    corpus = Corpus(schema, rows[schema.query_type.name] if schema.query_type else {})
    fragments: dict[str, FragmentDefinitionNode] = {}
    asked: dict[str, OperationDefinitionNode] = {}
    for node in definitions(folder):
        if isinstance(node, FragmentDefinitionNode):
            fragments.setdefault(node.name.value, node)
        elif isinstance(node, OperationDefinitionNode):
            asked.setdefault(print_ast(node), node)
    for node in asked.values():
        if node.operation is OperationType.SUBSCRIPTION:
            continue
        document = DocumentNode(definitions=(node, *needed(node, fragments)))
        if graphql.validate(schema, document):
            corpus.left_out += 1
            continue
        corpus.operations.append((print_ast(document), variables_of(schema, node)))
    return corpus


def needed(node: Node, fragments: dict[str, FragmentDefinitionNode]) -> list[Any]:
    """The fragments that a node spreads, and those that these do."""
    found: dict[str, FragmentDefinitionNode] = {}
    rest: list[Node] = [node]

    class Spreads(Visitor):
        def enter_fragment_spread(self, spread: FragmentSpreadNode, *_: Any) -> None:
            name = spread.name.value
            if name in fragments and name not in found:
                found[name] = fragments[name]
                rest.append(fragments[name])

    while rest:
        visit(rest.pop(), Spreads())
    return list(found.values())


def rows_of(schema: GraphQLSchema) -> dict[str, dict[str, Any]]:
    """An object of each type, each of whose fields has a value: objects are one of their type, lists some of it."""
    objects = {name: kind for name, kind in schema.type_map.items() if graphql.is_object_type(kind)}
    rows: dict[str, dict[str, Any]] = {name: {"__typename": name} for name in objects}

    def value(kind: Any, name: str, owner: str) -> Any:
        kind = graphql.get_nullable_type(kind)
        if isinstance(kind, GraphQLList):
            return [value(kind.of_type, name, owner)] * ITEMS
        if graphql.is_leaf_type(kind):
            return leaf_value(kind, name, f"{owner}.{name}", owner)
        possible = schema.get_possible_types(kind) if graphql.is_abstract_type(kind) else [kind]
        return rows[possible[0].name] if possible else None

    for name, kind in objects.items():
        for field_name, definition in kind.fields.items():
            rows[name][field_name] = value(definition.type, field_name, name)
    if schema.mutation_type is not None and schema.query_type is not None:
        # Both are asked with the same root value.
        query, mutation = schema.query_type.name, schema.mutation_type.name
        rows[query] = {**rows[mutation], **rows[query]}
    return rows


def variables_of(schema: GraphQLSchema, node: OperationDefinitionNode) -> dict[str, Any]:
    """A value for each variable that has no default."""
    return {
        variable.variable.name.value: input_value(type_from_ast(schema, variable.type), "", 0)
        for variable in node.variable_definitions or ()
        if variable.default_value is None
    }


def input_value(kind: Any, name: str, depth: int) -> Any:
    """A value of an input type; of an input object what is required."""
    kind = graphql.get_nullable_type(kind)
    if isinstance(kind, GraphQLList):
        return [input_value(kind.of_type, name, depth)] if depth < NESTED else []
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLScalarType):
        return leaf_value(kind, name, name, name)
    assert isinstance(kind, GraphQLInputObjectType)
    fields = {n: f for n, f in kind.fields.items() if isinstance(f.type, GraphQLNonNull)}
    if getattr(kind, "is_one_of", False):
        fields = dict(list(kind.fields.items())[:1])
    return {n: input_value(f.type, n, depth + 1) for n, f in fields.items()}


def measure(corpus: Corpus, runs: int) -> list[Spent]:
    """What each run of all operations takes."""
    found = []
    gc.freeze()
    gc.disable()
    for number in range(runs):
        spent = Spent()
        for at, (text, variables) in enumerate(corpus.operations):
            asks: list[tuple[Callable[..., Any], list[float]]] = [
                (graphql.graphql_sync, spent.plain),
                (compiled.graphql_sync, spent.ours),
            ]
            answers = []
            for ask, times in asks if (at + number) % 2 else reversed(asks):
                begin = time.thread_time()
                answer = ask(corpus.schema, text, corpus.root, variable_values=dict(variables))
                times.append(time.thread_time() - begin)
                answers.append(answer)
            if number in (0, runs - 1):
                check(corpus, text, *answers)
            del answers, answer
            if at % COLLECTED_EVERY == 0:
                gc.collect()
        found.append(spent)
    gc.enable()
    return found


def check(corpus: Corpus, text: str, first: Any, second: Any) -> None:
    """Note an operation of which two answers differ."""
    told = [sorted(map(str, answer.errors or ())) for answer in (first, second)]
    if first.data != second.data or told[0] != told[1]:
        errors = [
            error for error in (*told[0], *told[1]) if (error in told[0]) != (error in told[1])
        ]
        corpus.differing[text.partition("{")[0]] = errors[0].split("\n")[0] if errors else ""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.integrations.corpus", description=__doc__
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=6)
    options = parser.parse_args()
    corpus = load_corpus(options.folder)
    counted = f"{len(corpus.operations)} operations, {corpus.left_out} do not fit the schema"
    print(f"{options.folder.name}: {counted}; times faster than graphql-core")
    for number, spent in enumerate(measure(corpus, options.runs), 1):
        print(f"run {number}: {spent.line()}")
    for name, error in corpus.differing.items():
        print(f"answered otherwise: {name.strip()}: {error}")


if __name__ == "__main__":
    main()
