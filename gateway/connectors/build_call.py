"""A connector's directives and its source's settings to a `ConnectorCall`.

It expects directives that `check` has found right. It must know no loader: how often a call is made, and for which
parents, is theirs.

Source: connectors.md §14.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from gateway.client.vary import VARY_NONE, Vary, joined
from gateway.connectors.caching.bind import call_caching, fingerprint
from gateway.connectors.call import ConnectorCall, compile_filled
from gateway.connectors.client_reads import flags_of_connector, identity_of_connector
from gateway.connectors.directives import Connect, Directives, Errors, SourceDirective
from gateway.connectors.mapping.analyse import plain_shape, supplied_fields
from gateway.connectors.mapping.members import Members
from gateway.connectors.mapping.nodes import MappingSelection
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.php.answers import PhpAnswers
from gateway.connectors.request.base_url import base_urls
from gateway.connectors.request.template import READ_METHODS, RequestBuilder
from gateway.connectors.response.decoding import Decodings
from gateway.connectors.response.object_shape import note_json, objects_only, of_objects
from gateway.connectors.response.outcome import ResponseReader
from gateway.connectors.response.passed_headers import AnswerRules
from gateway.connectors.settings import ConnectorSettings, HeaderSettings
from gateway.upstream.settings import SourceSettings

ReadByHooks = Callable[[str], Vary | None]
"""What the hooks of a source read of the client; None where that is not known."""


def nothing_read(_source: str) -> Vary | None:
    """As without hooks."""
    return VARY_NONE


class CallBuilder:
    """Makes the calls of one schema's connectors.

    Args:
        schema: Fields of it are marked where they give JSON.
        directives: What its document says.
        settings: `[connectors]`.
        sources: `[sources.NAME]`; a source without one has the defaults.
        env: `$env`.
        headers: `[headers]`.
        withheld: Headers of credentials, folded: no pattern of a rule copies them.
        read_by_hooks: What the hooks of a source read of the client.

    Attributes:
        base_urls: Base URL of each source, evaluated.

    Errors: ConfigError for a base URL that cannot be written.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        directives: Directives,
        settings: ConnectorSettings,
        sources: Mapping[str, SourceSettings],
        env: Mapping[str, str],
        headers: HeaderSettings,
        withheld: frozenset[str] = frozenset(),
        read_by_hooks: ReadByHooks = nothing_read,
    ) -> None:
        self._withheld = withheld
        self._read_by_hooks = read_by_hooks
        self.schema = schema
        self.directives = directives
        self.settings = settings
        self.headers = headers
        self._source_settings = sources
        self.sources = {source.name: source for source in directives.sources}
        self.constants: dict[str, Any] = {
            "config": settings.config,
            "env": env,
            "context": {},
        }
        self.base_urls = base_urls(directives, sources, settings.config, env)

    def make_call(
        self, connect: Connect, kind: Any, owner: GraphQLObjectType | None
    ) -> tuple[ConnectorCall, Members]:
        """What one connector sends and how its answers are read, and the members that these supply.

        Args:
            connect: The connector.
            kind: What it gives for one parent.
            owner: The type whose field it is on; None where it loads a type.

        Errors: MappingSyntaxError, CannotWriteError.
        """
        source: SourceDirective | None = (
            self.sources.get(connect.source) if connect.source else None
        )
        settings = self._source_settings.get(source.name if source else "", SourceSettings())
        spec = self.directives.spec
        base_url = self.base_urls[source.name] if source else ""
        rules = self.headers.rules(source.name if source else "")
        builder = RequestBuilder(
            connect, source, base_url, spec, rules, settings.dialect, self._withheld
        )
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
            connect.method == "POST" and settings.post_is_safe and not is_write
        )
        responding = _responding(connect, source, spec)
        vary = joined(
            (
                identity_of_connector(builder, responding, rules, settings.session_cookie),
                self._read_by_hooks(builder.source_name),
            )
        )
        flags = flags_of_connector(builder, responding)
        version = fingerprint(
            connect, source, base_url, rules, settings, self.constants, builder.reads
        )
        caching = call_caching(
            self.schema,
            connect,
            supplied,
            settings,
            is_write=is_write,
            version=version,
            selection=selection,
        )
        if caching is not None and caching.reads and vary is not None:
            vary = vary.joined(Vary(principal=caching.reads, owners=caching.owners))
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
            merges=settings.batch_across_requests
            and may_repeat
            and vary is not None
            and not passes,
            vary=vary,
            flags=flags,
            exposes=flags,
            max_requests=self.settings.max_requests_per_operation_per_source,
            decodings=decodings,
            decoding=decodings.mapped,
            is_batch=is_batch,
            caching=caching,
            answer_rules=self._answer_rules(builder.source_name, vary, is_read=is_read),
        )
        return call, supplied

    def _answer_rules(self, source: str, vary: Vary | None, *, is_read: bool) -> AnswerRules | None:
        rules = self.headers.response_rules(source, is_read=is_read)
        return AnswerRules(source, rules, vary) if rules else None

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


def _is_typed(connect: Connect, kind: Any) -> bool:
    """Whether all members of a row are fields of its type: `groupBy` may name one that is not."""
    return connect.group_by is None or connect.group_by in getattr(
        get_named_type(kind), "fields", ()
    )
