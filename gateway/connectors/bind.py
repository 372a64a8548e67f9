"""Lays connectors on the schema: each becomes a loader behind a field or behind the fields of a type.

It expects directives that `check` has found right, and sends nothing.

Source: connectors.md §14, §15.2.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from gateway.auth.principal import MEMBERS
from gateway.connectors.alternatives import AlternativesLoader
from gateway.connectors.batch_loader import BatchLoader
from gateway.connectors.caching.bind import call_caching
from gateway.connectors.call import ConnectorCall, compile_filled
from gateway.connectors.directives import (
    Connect,
    Directives,
    Errors,
    SourceDirective,
    read_directives,
)
from gateway.connectors.keys import EntityKey
from gateway.connectors.loaders import ConnectorLoader, FieldLoader, KeyedLoader
from gateway.connectors.mapping.analyse import plain_shape, supplied_fields
from gateway.connectors.mapping.members import NOTHING, WHOLE, Members
from gateway.connectors.mapping.nodes import MappingSelection
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.mapping.scanner import MappingSyntaxError
from gateway.connectors.php.answers import PhpAnswers
from gateway.connectors.reads import as_tree, joined_reads, spelled_out, without
from gateway.connectors.request.base_url import evaluate_base_url
from gateway.connectors.request.numbers_as_written import written_arguments
from gateway.connectors.request.template import READ_METHODS, RequestBuilder
from gateway.connectors.request.url import CREDENTIALS, INSTEAD, CannotWriteError
from gateway.connectors.response.decoding import Decodings
from gateway.connectors.response.object_shape import note_json, objects_only, of_objects
from gateway.connectors.response.outcome import ResponseReader
from gateway.connectors.response.passed_headers import AnswerRules
from gateway.connectors.settings import ConnectorSettings, HeaderRule, HeaderSettings
from gateway.errors import ConfigError
from gateway.graph.field_tree import FieldTree
from gateway.graph.json_numbers import FROM_JSON
from gateway.graph.loader import Loader
from gateway.graph.resolvers import BatchField, EntityField
from gateway.graph.sdl import place_of
from gateway.upstream.http1.request_head import has_credentials
from gateway.upstream.settings import SourceSettings
from gateway.vary import NOBODY, Identity


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

    Errors: ConfigError with the place of a connector that can never be called.
    """
    directives = read_directives(document)
    binder = _ConnectorBinder(
        schema, directives, settings, sources, env, headers or HeaderSettings()
    )
    binder.resolved = {*resolved, *(c.coordinate for c in directives.connects if not c.on_type)}
    entities: dict[str, list[ConnectorLoader]] = {}
    fields: dict[str, list[ConnectorLoader]] = {}
    for connect in binder.directives.connects:
        try:
            _bind_one(binder, connect, entities, fields, resolved)
        except (CannotWriteError, MappingSyntaxError) as exc:
            file, line, column = place_of(connect.node)
            raise ConfigError(
                str(exc), key=connect.name, file=file, line=line, column=column
            ) from exc
    for name, loaders in fields.items():
        target = _find(schema, name)[1]
        loader = loaders[0] if len(loaders) == 1 else AlternativesLoader(loaders, name, target.type)
        target.resolve = BatchField(loader, name)
    for name, loaders in entities.items():
        _bind_entity(schema, name, loaders)
    return binder.bound


def _bind_one(
    binder: _ConnectorBinder,
    connect: Connect,
    entities: dict[str, list[ConnectorLoader]],
    fields: dict[str, list[ConnectorLoader]],
    resolved: Collection[str],
) -> None:
    """One connector's loaders, to the others of their type and of their field."""
    if connect.on_type:
        owner = binder.schema.type_map[connect.coordinate]
        assert isinstance(owner, GraphQLObjectType)
        entities.setdefault(owner.name, []).append(binder.type_loader(connect, owner))
        return
    owner, target = _find(binder.schema, connect.coordinate)
    if connect.coordinate not in resolved:
        loader = binder.field_loader(connect, owner, target)
        fields.setdefault(connect.coordinate, []).append(loader)
    if connect.entity:
        kind = get_named_type(target.type)
        assert isinstance(kind, GraphQLObjectType)
        entities.setdefault(kind.name, []).append(binder.entity_loader(connect, kind))


def _find(schema: GraphQLSchema, coordinate: str) -> tuple[GraphQLObjectType, GraphQLField]:
    type_name, _, field_name = coordinate.partition(".")
    owner = schema.type_map[type_name]
    assert isinstance(owner, GraphQLObjectType)
    return owner, owner.fields[field_name]


def _bind_entity(schema: GraphQLSchema, name: str, loaders: list[ConnectorLoader]) -> None:
    owner = schema.type_map[name]
    assert isinstance(owner, GraphQLObjectType)
    for field_name, target in owner.fields.items():
        supplying: tuple[Loader, ...] = tuple(
            loader
            for loader in loaders
            if field_name in (loader.supplies or ()) and field_name not in (loader.reads or ())
        )
        if supplying and target.resolve is None:
            target.resolve = EntityField(supplying, field_name, f"{name}.{field_name}")


class _ConnectorBinder:
    """Makes loaders; holds what all of them need."""

    def __init__(
        self,
        schema: GraphQLSchema,
        directives: Directives,
        settings: ConnectorSettings,
        sources: Mapping[str, SourceSettings],
        env: Mapping[str, str],
        headers: HeaderSettings,
    ) -> None:
        self.schema = schema
        self.directives = directives
        self.settings = settings
        self.headers = headers
        self.source_settings = sources
        self.sources = {source.name: source for source in directives.sources}
        self.constants: dict[str, Any] = {
            "config": settings.config,
            "env": env,
            "context": {},
        }
        self.resolved: Collection[str] = ()
        self.bound = BoundConnectors(spec=self.directives.spec)
        for source in directives.sources:
            configured = sources.get(source.name, SourceSettings()).url
            try:
                base_url = configured or evaluate_base_url(
                    source, directives.spec, settings.config, env
                )
            except (CannotWriteError, MappingSyntaxError) as exc:
                file, line, column = place_of(source.node)
                key = f"@source {source.name}"
                raise ConfigError(str(exc), key=key, file=file, line=line, column=column) from exc
            if has_credentials(base_url):
                key = f"sources.{source.name}.url" if configured else f"@source {source.name}"
                file, line, _ = (None, None, None) if configured else place_of(source.node)
                raise ConfigError(CREDENTIALS, key=key, file=file, line=line, hint=INSTEAD)
            self.bound.base_urls[source.name] = base_url

    def field_loader(
        self, connect: Connect, owner: GraphQLObjectType, target: GraphQLField
    ) -> ConnectorLoader:
        """The loader of a connector on a field."""
        target.extensions[FROM_JSON] = True
        call, supplied = self._call(connect, target.type, owner)
        call.written = written_arguments(target.args)
        batch = self._asked(call, "batch", owner)
        this = self._asked(call, "this", owner).joined(self._answered(call, "this", owner))
        supplies = _as_tree(supplied)
        if batch.members:
            row_key = _row_key(connect.group_by, batch, owner) if connect.group_by else None
            loader: ConnectorLoader = BatchLoader(
                call,
                connect.coordinate,
                as_tree(batch),
                supplies,
                key=EntityKey(batch, owner),
                row_key=row_key,
                max_size=connect.max_size,
                max_url_bytes=self.settings.max_url_bytes,
            )
        elif this.members:
            loader = KeyedLoader(
                call,
                connect.coordinate,
                as_tree(this),
                supplies,
                key=EntityKey(this, owner, NOTHING),
                is_entity=False,
            )
        else:
            loader = FieldLoader(call, connect.coordinate, FieldTree(), supplies)
        self.bound.loaders.append(loader)
        return loader

    def type_loader(self, connect: Connect, owner: GraphQLObjectType) -> ConnectorLoader:
        """The loader of a connector on a type."""
        call, supplied = self._call(connect, owner, None)
        batch, key = self._asked(call, "batch", owner), self._asked(call, "this", owner)
        if call.caching is not None:
            variable, of_key = ("batch", batch) if batch.members else ("this", key)
            call.caching.key = owner.name, variable, tuple(of_key.members)
        if batch.members:
            loader: ConnectorLoader = BatchLoader(
                call,
                connect.name,
                as_tree(batch),
                _as_tree(supplied),
                key=EntityKey(batch, owner),
                row_key=None,
                max_size=connect.max_size,
                max_url_bytes=self.settings.max_url_bytes,
            )
        else:
            read = key.joined(without(self._answered(call, "this", owner), supplied.members))
            loader = KeyedLoader(
                call,
                connect.name,
                as_tree(read),
                _as_tree(supplied),
                key=EntityKey(read, owner, key),
                is_entity=True,
            )
        self.bound.loaders.append(loader)
        return loader

    def entity_loader(self, connect: Connect, owner: GraphQLObjectType) -> ConnectorLoader:
        """The loader that `entity: true` on a field of Query makes for the type it returns."""
        call, supplied = self._call(connect, owner, None)
        key = self._asked(call, "args", owner)
        if call.caching is not None:
            call.caching.key = owner.name, "args", tuple(key.members)
        read = key.joined(without(self._answered(call, "args", owner), supplied.members))
        loader = KeyedLoader(
            call,
            f"{connect.coordinate}(entity)",
            as_tree(read),
            _as_tree(supplied),
            key=EntityKey(read, owner, key),
            is_entity=True,
            variable="args",
        )
        self.bound.loaders.append(loader)
        return loader

    def _asked(self, call: ConnectorCall, variable: str, owner: GraphQLObjectType) -> Members:
        """What the request reads of an object."""
        return spelled_out(call.builder.reads.get(variable, NOTHING), owner, self.resolved)

    def _answered(self, call: ConnectorCall, variable: str, owner: GraphQLObjectType) -> Members:
        """What the mappings of the answer read of it."""
        return spelled_out(joined_reads(call.responding, variable), owner, self.resolved)

    def _call(
        self, connect: Connect, kind: Any, owner: GraphQLObjectType | None
    ) -> tuple[ConnectorCall, Members]:
        source: SourceDirective | None = (
            self.sources.get(connect.source) if connect.source else None
        )
        settings = self.source_settings.get(source.name if source else "", SourceSettings())
        spec = self.directives.spec
        base_url = self.bound.base_urls[source.name] if source else ""
        rules = self.headers.rules(source.name if source else "")
        builder = RequestBuilder(connect, source, base_url, spec, rules, settings.dialect)
        assert connect.selection is not None
        selection = parse_mapping(connect.selection.value, spec)
        supplied = supplied_fields(selection)
        note_json(self.schema, kind, supplied)
        is_batch = "batch" in builder.reads  # then the answer is a list of what one parent gets
        is_row = is_batch and not is_list_type(get_nullable_type(kind))
        whole = GraphQLList(kind) if is_row else kind
        mutation = self.schema.mutation_type
        is_write = owner is not None and owner is mutation
        may_repeat = connect.method in READ_METHODS or (
            connect.method == "POST" and settings.post_is_read and not is_write
        )
        responding = _responding(connect, source, spec)
        identity = _identity(builder, responding, rules, settings.session_cookie)
        caching = call_caching(self.schema, connect, supplied, settings, is_write=is_write)
        if caching is not None and caching.private_member is not None and identity is not None:
            identity = identity.joined(Identity(principal=frozenset((caching.private_member,))))
        decodings = self._decodings(connect, selection, kind, whole, settings)
        is_read = connect.method in READ_METHODS or not is_write
        passes = self.headers.propagates(builder.source_name)
        call = ConnectorCall(
            builder=builder,
            reader=ResponseReader(
                builder.source_name,
                builder.endpoint,
                settings,
                selection,
                connect.errors,
                source.errors if source else Errors(),
                spec,
                connect.name,
            ),
            responding=responding,
            mapping=compile_filled(
                selection,
                connect.name,
                of_objects(self.schema, (whole,), supplied),
                has_errors=settings.dialect == "php",
            ),
            check=objects_only(whole, supplied),
            php=self._php(settings, selection, whole, supplied, is_batch=is_batch),
            constants=self.constants,
            is_read=is_read,
            may_repeat=may_repeat,
            merges=settings.merge_batches and may_repeat and identity is not None and not passes,
            identity=identity,
            max_requests=self.settings.max_requests_per_operation_per_source,
            decodings=decodings,
            decoding=decodings.mapped,
            is_batch=is_batch,
            caching=caching,
            answer_rules=self._answer_rules(builder.source_name, identity, is_read=is_read),
        )
        return call, supplied

    def _answer_rules(
        self, source: str, identity: Identity | None, *, is_read: bool
    ) -> AnswerRules | None:
        rules = self.headers.response_rules(source, is_read=is_read)
        return AnswerRules(source, rules, identity) if rules else None

    def _php(
        self,
        settings: SourceSettings,
        selection: MappingSelection,
        kind: Any,
        supplied: Members,
        *,
        is_batch: bool,
    ) -> PhpAnswers | None:
        """What the PHP dialect does with the answers; None for a source that does not speak it."""
        if settings.dialect != "php":
            return None
        return PhpAnswers(
            selection,
            kind,
            supplied,
            self.schema,
            time_zone=settings.time_zone,
            is_batch=is_batch,
        )

    def _decodings(
        self,
        connect: Connect,
        selection: MappingSelection,
        kind: Any,
        whole: Any,
        settings: SourceSettings,
    ) -> Decodings:
        """How answers are decoded; why they are mapped, where they are."""
        shape, why = plain_shape(selection), ""
        if shape is None:
            why = "the selection does more than take values from places"
        elif not _is_typed(connect, kind):
            shape, why = None, f"{connect.group_by} is not a field of the type"
        elif settings.dialect == "php":
            shape, why = None, "the dialect is php"
        return Decodings(connect.source or "", connect.name, shape, whole, why)


def _responding(
    connect: Connect, source: SourceDirective | None, spec: str
) -> list[MappingSelection]:
    """The mappings that work on an answer."""
    errors = [connect.errors] if source is None else [connect.errors, source.errors]
    texts = [connect.selection]
    texts += [text for e in errors for text in (e.is_success, e.message, e.extensions)]
    return [parse_mapping(text.value, spec) for text in texts if text is not None]


def _identity(
    builder: RequestBuilder,
    responding: Iterable[MappingSelection],
    rules: Sequence[HeaderRule],
    session_cookie: str | None,
) -> Identity | None:
    """What a connector reads of the client: by its directives, by `[headers]`, and by `$request`."""
    asked = builder.reads.get("request", NOTHING).joined(joined_reads(responding, "request"))
    headers = asked.members.get("headers", NOTHING)
    if asked.whole or headers.whole:
        return None
    copied = [rule.propagate for rule in rules if rule.propagate is not None]
    principal = builder.reads.get("principal", NOTHING).joined(
        joined_reads(responding, "principal")
    )
    inserted = [rule.insert.member for rule in rules if rule.insert is not None]
    found = Identity(
        frozenset(map(str.lower, headers.members))
        | builder.forwarded
        | {rule.named.lower() for rule in copied if rule.named is not None},
        frozenset(rule.matching for rule in copied if rule.matching is not None),
        frozenset((session_cookie,) if session_cookie else ()),
        frozenset(_paths(asked.members.get("claims", NOTHING), "claims"))
        | frozenset(path for name in MEMBERS for path in _paths(_member(principal, name), name))
        | {member for member in inserted if member is not None},
    )
    return NOBODY if found == NOBODY else found


def _member(wanted: Members, name: str) -> Members:
    """What is read of a member; all of it where the whole is taken."""
    return WHOLE if wanted.whole else wanted.members.get(name, NOTHING)


def _paths(wanted: Members, path: str) -> Iterator[str]:
    """What is read, as the paths of members: `claims.tenant.id`."""
    if wanted.whole:
        yield path
        return
    for name, inner in wanted.members.items():
        yield from (
            _paths(inner, f"{path}.{name}") if inner.members or inner.whole else (f"{path}.{name}",)
        )


def _row_key(name: str, batch: Members, owner: GraphQLObjectType) -> EntityKey:
    """What rows are grouped by: the member that has the value of the parents' own, of the same form."""
    (inner,) = batch.members.values() if len(batch.members) == 1 else (Members(),)
    of_parents = EntityKey(batch, owner)
    key = EntityKey(Members({name: inner}), None)
    key.is_text = of_parents.is_text
    for each in of_parents.integers.members.values():
        key.integers = Members({name: each})
    return key


def _is_typed(connect: Connect, kind: Any) -> bool:
    """Whether all members of a row are fields of its type: `groupBy` may name one that is not."""
    return connect.group_by is None or connect.group_by in getattr(
        get_named_type(kind), "fields", ()
    )


def _as_tree(supplied: Members) -> FieldTree | None:
    """What a loader promises; None where its mapping passes on the backend's value as it is."""
    return None if supplied.whole and not supplied.members else as_tree(supplied)
