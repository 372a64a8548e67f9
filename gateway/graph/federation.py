"""A subgraph of a federation: `_service`, which tells a router the schema, and `_entities`, which gives objects by key.

An entity is a representation (the members of its `@key`) taken as a row: what the row lacks is completed as always, by
connectors on the type and by resolvers. So a level of entities is one batch, and rules of authorization hold. Whatever
else a router sends of an entity is dropped, but for what a field `@requires`: no resolver meets a member that its
own subgraph should have supplied.

It adds definitions to a document, and functions as the user's decorators would mark them; it binds nothing.

Source: Apollo Federation subgraph specification, "Enhanced schema introspection" and "Resolving entities".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any
from weakref import WeakKeyDictionary

from graphql import (
    DocumentNode,
    GraphQLError,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    OperationType,
    SchemaDefinitionNode,
    SchemaExtensionNode,
    parse,
)

from gateway.client.vary import VARY_NONE, joined
from gateway.context import Context
from gateway.errors import ClientError
from gateway.graph.binding import PythonBatchLoader
from gateway.graph.builtin import subgraph_names
from gateway.graph.field_sets import ON, argument, field_set, flattened
from gateway.graph.field_tree import LEAF, FieldTree
from gateway.graph.register import Mark
from gateway.settings.kinds import Count

DEFINITIONS = """
scalar _Any
type _Service { sdl: String! }
"""
FIELDS = "{keyword} {root} {{ _service: _Service! {entities} }}"
ENTITIES = "_entities(representations: [_Any!]!): [_Entity]!"
TYPENAME = "__typename"


@dataclass(frozen=True, slots=True, kw_only=True)
class FederationSettings:
    """`[federation]`: the gateway as a subgraph of another router.

    Attributes:
        enabled: Whether `Query._service` and `Query._entities` are served. They tell the whole schema and give any
            entity by its key: for a listener that only the router reaches.
        max_representations: Entities of one operation, over all its aliases: more are an error.
    """

    enabled: bool = False
    max_representations: Count = 10_000


@dataclass(frozen=True, slots=True)
class Entity:
    """A type that can be had by a key.

    Attributes:
        name: Its name.
        keys: Its keys: a representation has all members of one.
        members: What of a representation counts: the members of its keys, and what its fields require.
    """

    name: str
    keys: tuple[FieldTree, ...]
    members: FieldTree


class AnyScalar:
    """`_Any`: a representation."""

    @staticmethod
    def parse_value(value: Any) -> Any:
        """Errors: GraphQLError for what is no object."""
        if not isinstance(value, dict):
            raise GraphQLError("a representation is an object with __typename")
        return value


def with_entities(document: DocumentNode) -> DocumentNode:
    """A schema's document with the definitions of a subgraph."""
    entities = sorted(entities_of(document))
    root, keyword = _query(document)
    text = DEFINITIONS + FIELDS.format(
        root=root, keyword=keyword, entities=ENTITIES if entities else ""
    )
    if entities:
        text += f"union _Entity = {' | '.join(entities)}"
    added = parse(text, no_location=True).definitions
    return DocumentNode(definitions=(*document.definitions, *added))


def entities_of(document: DocumentNode) -> dict[str, Entity]:
    """The types that have a key by which they can be resolved."""
    names = subgraph_names(document)
    keys: dict[str, list[FieldTree]] = {}
    required: dict[str, FieldTree] = {}
    for node in document.definitions:
        if not isinstance(node, ObjectTypeDefinitionNode | ObjectTypeExtensionNode):
            continue
        name = node.name.value
        for use in node.directives or ():
            if names.get(use.name.value) == "key" and argument(use, "resolvable") is not False:
                keys.setdefault(name, []).extend(filter(None, (field_set(use, name),)))
        for field in node.fields or ():
            for use in field.directives or ():
                if names.get(use.name.value) == "requires":
                    tree = field_set(use, name) or LEAF
                    required[name] = required.get(name, LEAF).joined(tree)
    return {
        name: Entity(
            name,
            tuple(trees),
            flattened(reduce(FieldTree.joined, [*trees, required.get(name, LEAF)], LEAF)),
        )
        for name, trees in keys.items()
    }


def subgraph_marks(
    document: DocumentNode, marks: Sequence[Mark], sdl: str, most: int
) -> list[Mark]:
    """What resolves the fields of a subgraph, as if a user had written it.

    Args:
        document: The schema's, without the definitions of a subgraph.
        marks: The user's: `@entity_resolver`s count.
        sdl: What `_service` says.
        most: Representations of one operation.
    """
    root = _query(document)[0]
    entities = entities_of(document)
    own = {mark.name: mark for mark in marks if mark.kind == "entity_resolver"}

    def service(_parent: Any, _context: Context) -> dict[str, str]:
        return {"sdl": sdl}

    found = [
        Mark("scalar", "_Any", AnyScalar),
        Mark("resolver", f"{root}._service", service, vary=VARY_NONE),
    ]
    if entities:
        read = joined(mark.vary for mark in own.values())
        resolve = _resolver(entities, own, most)
        found += [
            Mark("resolver", f"{root}._entities", resolve, vary=read),
            Mark("type_resolver", "_Entity", _type_of, vary=VARY_NONE),
        ]
    return found


def _resolver(
    entities: Mapping[str, Entity], own: Mapping[str, Mark], most: int
) -> Callable[..., Any]:
    """The resolver of `_entities`: synchronous where no function of the user's is asked."""
    asked_for: WeakKeyDictionary[Context, int] = WeakKeyDictionary()

    def rows_of(_parent: Any, context: Context, representations: list[Any]) -> list[Any]:
        request = context.whole
        asked_for[request] = count = asked_for.get(request, 0) + len(representations)
        if count > most:
            raise ClientError(
                f"An operation asks for at most {most} entities: federation.max_representations.",
                code="MAX_VARIABLES_LIMIT",
            )
        return [_row(entities, number, one) for number, one in enumerate(representations)]

    async def asked(parent: Any, context: Context, representations: list[Any]) -> list[Any]:
        rows = rows_of(parent, context, representations)
        for name, mark in own.items():
            places = [i for i, row in enumerate(rows) if _is_of(row, name)]
            if not places:
                continue
            found = await _asked(mark, [rows[i] for i in places], context)
            for i, value in zip(places, found, strict=True):
                rows[i] = {TYPENAME: name, **value} if isinstance(value, dict) else value
        return rows

    return asked if own else rows_of


async def _asked(mark: Mark, representations: list[Any], context: Context) -> Sequence[Any]:
    """What a user's function gives of one type; where it fails, its error for each of them, and for no other type."""
    loader = PythonBatchLoader(mark.target, f"{mark.name} (@entity_resolver)", mark.vary)
    try:
        return await loader.load(representations, {}, context)
    except Exception as exc:
        return [exc] * len(representations)


def _row(entities: Mapping[str, Entity], number: int, sent: Mapping[str, Any]) -> Any:
    """A representation as a row; the error of one that is none."""
    name = sent.get(TYPENAME)
    entity = entities.get(name) if isinstance(name, str) else None
    if entity is None:
        known = ", ".join(sorted(entities))
        return ClientError(
            f"representations[{number}]: __typename has to be one of {known}", code="BAD_USER_INPUT"
        )
    if not any(_has(sent, key) for key in entity.keys):
        known = " or ".join(str(key) for key in entity.keys)
        return ClientError(
            f"representations[{number}]: {name} needs the members of a key, {known}",
            code="BAD_USER_INPUT",
        )
    return {TYPENAME: name, **_kept(sent, entity.members)}


def _has(sent: Any, key: FieldTree) -> bool:
    """Whether an object, or each of a list, has the members of a key."""
    if isinstance(sent, list):
        return all(_has(item, key) for item in sent)
    if not isinstance(sent, dict):
        return False
    return all(_has_member(sent, name, below) for name, below in key.items())


def _has_member(sent: Mapping[str, Any], name: str, below: FieldTree) -> bool:
    if name.startswith(ON):  # of one type: a router says of which an object is
        is_of = sent.get(TYPENAME)
        return isinstance(is_of, str) and (is_of != name.removeprefix(ON) or _has(sent, below))
    value = sent.get(name)
    return value is not None and (not below or _has(value, below))


def _kept(sent: Mapping[str, Any], tree: FieldTree) -> dict[str, Any]:
    return {
        name: _kept_below(sent[name], below) if below else sent[name]
        for name, below in tree.items()
        if name in sent
    }


def _kept_below(value: Any, tree: FieldTree) -> Any:
    if isinstance(value, list):
        return [_kept_below(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    kept = _kept(value, tree)
    if TYPENAME in value:  # by which the type of an object is known
        kept[TYPENAME] = value[TYPENAME]
    return kept


def _is_of(row: Any, name: str) -> bool:
    return isinstance(row, dict) and row.get(TYPENAME) == name


def _type_of(value: Any, _context: Context) -> str:
    """The type of an entity: what its row says, else its class."""
    if isinstance(value, dict):
        return str(value.get(TYPENAME))
    return str(getattr(value, TYPENAME, type(value).__name__))


def _query(document: DocumentNode) -> tuple[str, str]:
    """The name of the query type, and whether it is extended or begun."""
    root = "Query"
    for node in document.definitions:
        if isinstance(node, SchemaDefinitionNode | SchemaExtensionNode):
            for operation in node.operation_types or ():
                if operation.operation is OperationType.QUERY:
                    root = operation.type.name.value
    kinds = ObjectTypeDefinitionNode | ObjectTypeExtensionNode
    is_there = any(isinstance(n, kinds) and n.name.value == root for n in document.definitions)
    return root, "extend type" if is_there else "type"
