"""Lays connectors on the schema: each becomes a loader behind a field or behind the fields of a type.

It expects directives that `check` has found right, and sends nothing.

Source: connectors.md §14, §15.2.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

from gateway.connectors.bind_overrides import OverrideBinder
from gateway.connectors.build_call import CallBuilder, ReadByHooks, nothing_read
from gateway.connectors.build_loader import LoaderBuilder
from gateway.connectors.directives import Connect, read_directives
from gateway.connectors.loaders import ConnectorLoader
from gateway.connectors.mapping.scanner import MappingSyntaxError
from gateway.connectors.overrides import read_overrides
from gateway.connectors.request.url import CannotWriteError
from gateway.connectors.settings import ConnectorSettings, HeaderSettings
from gateway.connectors.shadow.bind import ShadowBinder
from gateway.errors import ConfigError
from gateway.graph.overrides import add_flags
from gateway.graph.sdl import place_of
from gateway.upstream.settings import SourceSettings


@dataclass(slots=True)
class BoundConnectors:
    """What binding made beside the resolvers.

    Attributes:
        base_urls: Base URL of each source, evaluated.
        loaders: Every connector's loader.
        spec: Version of the mapping language.
    """

    base_urls: dict[str, str] = field(default_factory=dict)
    loaders: list[ConnectorLoader] = field(default_factory=list)
    spec: str = "0.3"


def bind_connectors(
    schema: GraphQLSchema,
    document: DocumentNode,
    *,
    settings: ConnectorSettings,
    sources: Mapping[str, SourceSettings],
    env: Mapping[str, str],
    resolved: Collection[str],
    headers: HeaderSettings | None = None,
    withheld: frozenset[str] = frozenset(),
    read_by_hooks: ReadByHooks = nothing_read,
    falls_back: bool = False,
    salt: str = "",
) -> BoundConnectors:
    """Set the resolvers of every field that a connector serves.

    Args:
        schema: Changed in place.
        document: The SDL that it was built from.
        settings: `[connectors]`.
        sources: `[sources.NAME]`; a source without one has the defaults.
        env: `$env`.
        resolved: Coordinates that have a Python resolver: these win.
        headers: `[headers]`; none by default.
        withheld: Headers of credentials, folded: no pattern of a rule copies them.
        read_by_hooks: What the hooks of a source read of the client.
        falls_back: Whether a source that has taken over a field and fails is replaced by the one before.
        salt: Of `[override]`: what requests are drawn by that are compared.

    Errors: ConfigError with the place of a connector that can never be called.
    """
    directives = read_directives(document)
    rules = headers or HeaderSettings()
    calls = CallBuilder(schema, directives, settings, sources, env, rules, withheld, read_by_hooks)
    members = {*resolved, *(c.coordinate for c in directives.connects if not c.on_type)}
    builder = LoaderBuilder(calls, members, settings.max_url_bytes)
    shadows = ShadowBinder(
        schema, document, directives, salt, lambda name: f"{sources.get(name)} {rules}"
    )
    uses = read_overrides(document, directives)
    overrides = OverrideBinder(schema, uses, shadows, falls_back=falls_back)
    entities: dict[str, list[tuple[Connect, ConnectorLoader]]] = {}
    fields: dict[str, list[tuple[Connect, ConnectorLoader]]] = {}
    for connect in directives.connects:
        try:
            _bind_one(schema, builder, connect, entities, fields, resolved)
        except (CannotWriteError, MappingSyntaxError) as exc:
            file, line, column = place_of(connect.node)
            raise ConfigError(
                str(exc), key=connect.name, file=file, line=line, column=column
            ) from exc
    for name, made in fields.items():
        overrides.bind_field(name, _find(schema, name)[1], made)
    for name, made in entities.items():
        owner = schema.type_map[name]
        assert isinstance(owner, GraphQLObjectType)
        overrides.bind_entity(name, owner.fields, made)
    add_flags(schema, (name for loader in builder.loaders for name in loader.flags))
    return BoundConnectors(calls.base_urls, builder.loaders, directives.spec)


def _bind_one(
    schema: GraphQLSchema,
    builder: LoaderBuilder,
    connect: Connect,
    entities: dict[str, list[tuple[Connect, ConnectorLoader]]],
    fields: dict[str, list[tuple[Connect, ConnectorLoader]]],
    resolved: Collection[str],
) -> None:
    """One connector's loaders, to the others of their type and of their field."""
    if connect.on_type:
        owner = schema.type_map[connect.coordinate]
        assert isinstance(owner, GraphQLObjectType)
        entities.setdefault(owner.name, []).append((connect, builder.type_loader(connect, owner)))
        return
    owner, target = _find(schema, connect.coordinate)
    if connect.coordinate not in resolved:
        loader = builder.field_loader(connect, owner, target)
        fields.setdefault(connect.coordinate, []).append((connect, loader))
    if connect.entity:
        kind = get_named_type(target.type)
        assert isinstance(kind, GraphQLObjectType)
        entities.setdefault(kind.name, []).append((connect, builder.entity_loader(connect, kind)))


def _find(schema: GraphQLSchema, coordinate: str) -> tuple[GraphQLObjectType, GraphQLField]:
    type_name, _, field_name = coordinate.partition(".")
    owner = schema.type_map[type_name]
    assert isinstance(owner, GraphQLObjectType)
    return owner, owner.fields[field_name]
