"""Searches a schema for the documents that cost the planner most and are still admitted.

The shapes are those that multiply: one fragment at many places, nested through the fields that lead back to
objects, on every type of an interface or union, with each leaf under it. A document grows while it is
admitted. `python -m tests.plan.costly SCHEMA.graphql` prints what each shape costs, with its CPU time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graphql import (
    DocumentNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_required_argument,
)

from gateway.errors import ClientError, RequestError
from gateway.execute.prepared import Prepared
from gateway.language.document import load_document
from gateway.language.limits import Limits
from gateway.plan.work import check_work, count_work

ROOTS = 4
LEAVES = (1, 4, 12)
PLACES = (1, 5, 20, 60)
DEPTHS = (1, 3, 6, 16)


@dataclass(frozen=True)
class Costly:
    """One document that is admitted.

    Attributes:
        text, document: The document.
        work: Its units.
    """

    text: str
    document: DocumentNode
    work: int


def admitted(schema: GraphQLSchema, text: str, limits: Limits) -> Costly | None:
    """The document with its units; None where no plan is made of it."""
    try:
        document = load_document(text, schema, limits)
        if not check_work(schema, document, None, limits):
            return None
    except (ClientError, RequestError):
        return None
    return Costly(text, document, count_work(schema, document, None, limits.max_work))


def find_costly(schema: GraphQLSchema, limits: Limits, *, most: int = 10) -> list[Costly]:
    """The costliest documents of each shape, the costliest first."""
    found = [
        costly
        for text in _documents(schema)
        if (costly := admitted(schema, text, limits)) is not None
    ]
    return sorted(found, key=lambda costly: -costly.work)[:most]


def _documents(schema: GraphQLSchema) -> Iterator[str]:
    assert schema.query_type is not None
    roots = [
        (name, field)
        for name, field in schema.query_type.fields.items()
        if is_composite_type(get_named_type(field.type)) and _is_free(field)
    ]
    roots.sort(key=lambda root: -_weight(schema, get_named_type(root[1].type)))
    for name, field in roots[:ROOTS]:
        type_ = get_named_type(field.type)
        for leaves in LEAVES:
            for depth in DEPTHS:
                body = _body(schema, type_, leaves, depth)
                for places in PLACES:
                    spread = " ".join(f"b{n}: {name} {{ ...F }}" for n in range(places))
                    yield f"{{ {spread} }} fragment F on {type_.name} {{ {body} }}"


def _body(schema: GraphQLSchema, type_: GraphQLNamedType, leaves: int, depth: int) -> str:
    """Leaves of a type and of all that it may be, and the field that leads on to most."""
    fields = dict(getattr(type_, "fields", {}))
    parts = ["__typename"]
    parts += [n for n, f in fields.items() if not _is_composite(f) and _is_free(f)][:leaves]
    if is_abstract_type(type_):
        for possible in schema.get_possible_types(type_):
            below = [n for n, f in possible.fields.items() if not _is_composite(f) and _is_free(f)]
            shown = " ".join(f"{possible.name.lower()}_{n}: {n}" for n in below[:leaves])
            parts.append(f"... on {possible.name} {{ {shown or '__typename'} }}")
    onward = [(n, f) for n, f in fields.items() if _is_composite(f) and _is_free(f)]
    if depth and onward:
        onward.sort(key=lambda pair: -_weight(schema, get_named_type(pair[1].type)))
        name, field = onward[0]
        below_type = get_named_type(field.type)
        parts.append(f"{name} {{ {_body(schema, below_type, leaves, depth - 1)} }}")
    return " ".join(parts)


def _is_composite(field: GraphQLField) -> bool:
    return is_composite_type(get_named_type(field.type))


def _is_free(field: GraphQLField) -> bool:
    return not any(is_required_argument(argument) for argument in field.args.values())


def _weight(schema: GraphQLSchema, type_: GraphQLNamedType) -> int:
    """How much may stand below a type: its object types, and whether it leads on."""
    possible = schema.get_possible_types(type_) if is_abstract_type(type_) else [type_]
    leads_on = any(_is_composite(field) for field in getattr(type_, "fields", {}).values())
    return len(possible) * (20 if leads_on else 1) + len(getattr(type_, "fields", {}))


def main(path: str) -> None:
    """Print the costliest documents of a schema file, with the CPU that planning takes."""
    schema = build_schema(Path(path).read_text(), assume_valid=True)
    for costly in find_costly(schema, Limits()):
        start = time.thread_time()
        prepared = Prepared(schema, load_document(costly.text, schema, Limits()))
        took = (time.thread_time() - start) * 1e3
        print(f"{costly.work:7d} units {took:6.1f} ms {prepared.executor} {costly.text[:100]}")


if __name__ == "__main__":
    main(sys.argv[1])
