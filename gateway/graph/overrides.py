"""`@override` on a bound schema: what else may give a field, and the label that decides for each request; and flags.

Nothing here decides a label or a flag, or knows connectors.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    is_abstract_type,
)

from gateway.graph.loader import Loader, flags_read
from gateway.graph.selected import selected_fields

if TYPE_CHECKING:
    from gateway.context import Context
    from gateway.override.evidence import Evidence

OVERRIDES = "gateway.overrides"
SHADOWS = "gateway.shadows"


@dataclass(frozen=True, slots=True, eq=False)
class Override:
    """What gives a field where a label is on.

    Attributes:
        label: Which.
        loader: In place of the field's own.
    """

    label: str
    loader: Loader


def add_override(schema: GraphQLSchema, coordinate: str, label: str) -> None:
    """Keep with the schema that a label decides a field, whatever its resolver becomes."""
    schema.extensions.setdefault(OVERRIDES, {})[coordinate] = label


def overrides_of(schema: GraphQLSchema) -> Mapping[str, str]:
    """The label of each field that has one, by coordinate."""
    found: Mapping[str, str] = schema.extensions.get(OVERRIDES, {})
    return found


def add_shadow(schema: GraphQLSchema, coordinate: str, evidence: Evidence) -> None:
    """Keep with the schema what is found of a field or type with a `@shadow`."""
    schema.extensions.setdefault(SHADOWS, {})[coordinate] = evidence


def shadows_of(schema: GraphQLSchema) -> Mapping[str, Evidence]:
    """What was found, by the coordinate of the `@shadow`."""
    found: Mapping[str, Evidence] = schema.extensions.get(SHADOWS, {})
    return found


def has_shadows(schema: GraphQLSchema) -> bool:
    """Whether anything of a schema is compared."""
    return SHADOWS in schema.extensions


FLAGS = "gateway.flags"


def add_flags(schema: GraphQLSchema, names: Iterable[str]) -> None:
    """Keep with the schema that some of its fields read flags."""
    schema.extensions[FLAGS] = flags_of_schema(schema) | frozenset(names)


def flags_of_schema(schema: GraphQLSchema) -> frozenset[str]:
    """The flags that fields of it read; those that decide labels are not among them."""
    found: frozenset[str] = schema.extensions.get(FLAGS, frozenset())
    return found


def labels_of(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> tuple[str, ...]:
    """The labels that decide fields of an operation, sorted; those too that its loaders read of their parents."""
    known = overrides_of(schema)
    if not known:
        return ()
    asked = _asked_fields(schema, document, operation)
    return tuple(
        sorted(
            {known[name] for owner, field in asked if (name := f"{owner.name}.{field}") in known}
        )
    )


def flags_of(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    overrides: Collection[str],
) -> tuple[str, ...]:
    """The flags that fields of an operation read where these labels are on, sorted."""
    if not flags_of_schema(schema):
        return ()
    flags: set[str] = set()
    for owner, name in _asked_fields(schema, document, operation):
        resolve = owner.fields[name].resolve
        override: Override | None = getattr(resolve, "override", None)
        if (vary := getattr(resolve, "vary", None)) is not None:  # of Python
            flags |= vary.flags
        elif override is not None and override.label in overrides:
            flags |= flags_read(override.loader)
        else:
            for loader in own_loaders(resolve):
                flags |= flags_read(loader)
    return tuple(sorted(flags))


def _asked_fields(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> set[tuple[GraphQLObjectType, str]]:
    """The fields that an operation asks for, and those that their loaders read of the parents."""
    seen: set[tuple[GraphQLObjectType, str]] = set()
    for parent, node, _ in selected_fields(schema, document, operation):
        owners = schema.get_possible_types(parent) if is_abstract_type(parent) else [parent]
        rest = [(owner, node.name.value) for owner in owners]
        while rest:
            owner, name = rest.pop()
            if (owner, name) in seen or name not in owner.fields:
                continue
            seen.add((owner, name))
            for loader in loaders_of(owner.fields[name].resolve):
                rest += [(owner, read) for read in loader.reads or ()]
    return seen


def loader_for(resolve: Any, context: Context) -> Loader:
    """Which of a field's loaders a request has: the fallback path only, for a plan has chosen before."""
    override: Override | None = resolve.override
    if override is not None and context.whole.overrides.get(override.label):
        return override.loader
    own: Loader = resolve.loader
    return own


def loaders_of(resolve: Any) -> list[Loader]:
    """Every loader that may give a field, whatever its label; none where no loader does."""
    override: Override | None = getattr(resolve, "override", None)
    own = own_loaders(resolve)
    return own if override is None else [*own, override.loader]


def own_loaders(resolve: Any) -> list[Loader]:
    """The loaders that give a field where no label is on."""
    own = getattr(resolve, "loaders", None) or [getattr(resolve, "loader", None)]
    return [loader for loader in own if loader is not None]
