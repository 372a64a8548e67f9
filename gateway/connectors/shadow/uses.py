"""`@shadow` as it stands in the schema, beside an `@override`. It reads the AST and builds nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FloatValueNode,
    GraphQLInterfaceType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    StringValueNode,
    print_ast,
)

from gateway.connectors.directives import Directives

NAME = "shadow"
PERCENT = 5.0
"""Of the requests; the default of the directive's argument."""


@dataclass(frozen=True, slots=True)
class ShadowUse:
    """One `@shadow`.

    Attributes:
        coordinate: `Video.stats` for a field, `Video` for a type.
        percent: Of the requests.
        ignore: Coordinates that are not compared, with all below them.
        unordered: Coordinates of lists whose order says nothing.
        tolerance: Numbers that differ by no more than this part of them are equal.
    """

    coordinate: str
    percent: float
    ignore: frozenset[str]
    unordered: frozenset[str]
    tolerance: float
    node: DirectiveNode = field(repr=False, compare=False)


def read_shadows(document: DocumentNode) -> dict[str, ShadowUse]:
    """The uses, by coordinate."""
    found = {}
    for coordinate, node in _uses(document):
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        found[coordinate] = ShadowUse(
            coordinate,
            _number(given, "percent", PERCENT),
            _names(given.get("ignore")),
            _names(given.get("unordered")),
            _number(given, "tolerance", 0.0),
            node,
        )
    return found


def spread(use: ShadowUse, schema: GraphQLSchema) -> ShadowUse:
    """The same one, whose coordinates of an interface count for the types that implement it."""
    return replace(
        use,
        ignore=_of_types(use.ignore, schema),
        unordered=_of_types(use.unordered, schema),
    )


def _of_types(names: frozenset[str], schema: GraphQLSchema) -> frozenset[str]:
    found = set(names)
    for name in names:
        owner, _, field_name = name.partition(".")
        kind = schema.type_map.get(owner)
        if isinstance(kind, GraphQLInterfaceType):
            found |= {f"{each.name}.{field_name}" for each in schema.get_possible_types(kind)}
    return frozenset(found)


def fingerprint_of(
    coordinate: str, directives: Directives, use: ShadowUse, settings: Callable[[str], str]
) -> str:
    """Of all that decides what is compared with what: evidence of anything else says nothing."""
    connects = [c.node for c in directives.connects if c.coordinate == coordinate]
    sources = {c.source for c in directives.connects if c.coordinate == coordinate}
    nodes = [*connects, *(s.node for s in directives.sources if s.name in sources)]
    rule = f"{sorted(use.ignore)} {sorted(use.unordered)} {use.tolerance}"
    own = [settings(name) for name in sorted(filter(None, sources))]
    return sha256("\n".join([*map(print_ast, nodes), rule, *own]).encode()).hexdigest()[:16]


def _uses(document: DocumentNode) -> Iterator[tuple[str, DirectiveNode]]:
    for definition in document.definitions:
        if not isinstance(definition, ObjectTypeDefinitionNode | ObjectTypeExtensionNode):
            continue
        owner = definition.name.value
        places = [(owner, definition.directives)]
        places += [(f"{owner}.{f.name.value}", f.directives) for f in definition.fields or ()]
        for coordinate, uses in places:
            yield from ((coordinate, use) for use in uses or () if use.name.value == NAME)


def _number(given: Mapping[str, Any], name: str, default: float) -> float:
    value = given.get(name)
    return float(value.value) if isinstance(value, IntValueNode | FloatValueNode) else default


def _names(value: Any) -> frozenset[str]:
    # One item stands for a list of it. §3.12
    items = value.values if isinstance(value, ListValueNode) else (value,)
    return frozenset(item.value for item in items if isinstance(item, StringValueNode))
