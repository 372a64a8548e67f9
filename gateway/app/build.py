"""What happens before there is an event loop: configuration, SDL and Python to one checked graph."""

from __future__ import annotations

import datetime as dt
import gc
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from graphql import DocumentNode, GraphQLSchema

from gateway.app.config import Config
from gateway.app.flags import check_flags
from gateway.app.hook_checks import check_hooks, read_by_hooks, with_hooks
from gateway.app.override_gates import check_gates
from gateway.app.override_labels import check_labels
from gateway.app.plugins import Plugin, load_plugins
from gateway.app.preconditions import (
    check_quotas,
    check_scalar_names,
    check_source_names,
    check_view_names,
)
from gateway.app.services import keys_that_ask_redis
from gateway.auth.risks import find_lockout, find_risks
from gateway.client.vary import Vary, joined
from gateway.connectors.bind import BoundConnectors, bind_connectors
from gateway.connectors.check.cache_hints import check_cache_hints
from gateway.connectors.check.connectors import check_connectors
from gateway.connectors.check.constants import Constants
from gateway.connectors.check.identity_headers import check_identity_headers
from gateway.connectors.check.protected_reads import check_protected_reads
from gateway.connectors.check.unused_sources import unused_sources
from gateway.connectors.directives import read_directives
from gateway.connectors.overrides import read_overrides
from gateway.cost.check import add_weights
from gateway.errors import Diagnostic
from gateway.execute.incremental import add_directives
from gateway.graph.accepted import accepted
from gateway.graph.application_context import ApplicationContextFactory
from gateway.graph.applied import bind_directives
from gateway.graph.binding import bind_resolvers
from gateway.graph.builtin import cost_names, view_names
from gateway.graph.federation import subgraph_marks, with_entities
from gateway.graph.field_sets import check_field_sets
from gateway.graph.links import check_links
from gateway.graph.marked import find_marks
from gateway.graph.mock import mock_schema
from gateway.graph.needs import add_needs
from gateway.graph.overrides import add_flags
from gateway.graph.register import AMBIENT, Mark
from gateway.graph.schema import build_schema, fix
from gateway.graph.sdl import find_schema_files, load_sdl
from gateway.graph.signature import finding
from gateway.graph.subgraph_sdl import subgraph_sdl
from gateway.graph.unbound import unbound_directives, unresolved_types
from gateway.graph.views.check import check_views, unnamed_tags
from gateway.graph.views.view import SchemaView, views_of
from gateway.redis.client import check_redis
from gateway.settings.files import missing_files
from gateway.settings.headers import folded
from gateway.settings.mistakes import together
from gateway.transport.http.forwarded import find_open_proxies


@dataclass(slots=True)
class Graph:
    """What is served: the executable schema and what was found wrong with it.

    Attributes:
        schema: None when it could not be built.
        bound: The connectors' sources.
        marks: The user's Python.
        findings: Errors and warnings, in the order of the checks.
        threads: The pool of blocking resolvers.
        plugins: What of the user's Python comes from packages.
        views: The views of the schema, by their names.
        application_context: What makes the context of the resolvers, where they are those of an application of a
            framework; None: they get the gateway's.
    """

    schema: GraphQLSchema | None
    bound: BoundConnectors | None
    marks: list[Mark]
    findings: list[Diagnostic] = field(default_factory=list)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    plugins: list[Plugin] = field(default_factory=list)
    views: dict[str, SchemaView] = field(default_factory=dict)
    application_context: ApplicationContextFactory | None = None

    @property
    def undeclared(self) -> list[Mark]:
        """What runs beside resolvers and does not say what it reads of the client."""
        return [mark for mark in self.marks if mark.kind in AMBIENT and mark.vary is None]

    @property
    def ambient(self) -> Vary | None:
        """What runs beside resolvers reads of the client; None when that is not known."""
        return joined(mark.vary for mark in self.marks if mark.kind in AMBIENT)

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings that stop the start."""
        return [item for item in self.findings if item.severity == "error"]


@contextmanager
def without_collector(*, sets_aside: bool = False) -> Iterator[None]:
    """While something large is made that stays: looking at it again and again takes as long as making it.

    Args:
        sets_aside: The process is our own and has what it will keep: no later collection looks at any of it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        if sets_aside:
            gc.freeze()
    finally:
        if was_enabled:
            gc.enable()


def build_graph(
    config: Config,
    base: Path,
    env: Mapping[str, str],
    *,
    is_served: bool = False,
    mock: bool = False,
    texts: Mapping[str, str] | None = None,
) -> Graph:
    """As `build_graph_of`, before anything is served: what is made stays, and no garbage is looked for meanwhile."""
    with without_collector():
        return build_graph_of(texts, config, base, env, is_served=is_served, mock=mock)


def build_graph_of(
    texts: Mapping[str, str] | None,
    config: Config,
    base: Path,
    env: Mapping[str, str],
    *,
    is_served: bool = False,
    mock: bool = False,
) -> Graph:
    """Load SDL and resolvers, bind and check them; finds as much as it can before it stops.

    Args:
        texts: The schema files that were read before, by their paths: the whole schema. None for those on disk.
        config: What to serve and how.
        base: The folder that relative paths in it start from.
        env: `$env` of the connectors.
        is_served: Whether it is, or has all that it will be served with. In a schema that is looked at by
            itself what `$config` lacks, and fields that nothing at all supplies, are warnings.
        mock: Every field makes its value up; connectors and Python are not looked at.

    Errors: ConfigError for files that cannot be found, read or parsed, and resolvers that cannot be imported.
    """
    check_quotas(config)
    check_gates(config)
    if missing := missing_files(config, base):
        raise together(missing)
    for key in keys_that_ask_redis(config):
        check_redis(config.redis, key)
    files = (
        find_schema_files(config.graph.schema, base) if texts is None else [Path(p) for p in texts]
    )
    written = load_sdl(files, texts)
    document, findings = accepted(written)
    plugins = [] if mock else load_plugins(config.plugins, base)
    marks = [] if mock else find_marks(config.graph.resolvers, base)
    marks = with_hooks([*marks, *(mark for plugin in plugins for mark in plugin.marks)])
    has_python = bool(marks)
    if has_python:
        import_module("httpx")  # of `context.http`: loaded here, no request waits for it
    if config.federation.enabled:
        most = config.federation.max_representations
        moves = read_overrides(written, read_directives(written)).values()
        told = subgraph_sdl(written, [use.node for use in moves])
        marks += subgraph_marks(document, marks, told, most)
        document = with_entities(document)
    strict = config.graph.strict_deprecation
    schema, found = build_schema(document, strict_deprecation=strict, any_directive=mock)
    findings += [plugin.finding() for plugin in plugins]
    findings += [item if item.file else replace(item, file=str(files[0])) for item in found]
    if schema is None:
        return Graph(None, None, marks, findings)
    is_known = is_anybody_known(config, marks)
    is_required = config.authorization.require_authentication
    findings += find_risks(config.authentication) + find_open_proxies(config.server.trusted_proxies)
    findings += [find_lockout()] if is_required and not is_known else []
    findings += check_links(document)
    findings += check_field_sets(schema, document) if config.federation.enabled else []
    own = {mark.name for mark in marks if mark.kind == "schema_directive"}
    if config.authorization.directives.enabled:
        findings += add_needs(
            schema,
            document,
            own,
            is_asked=is_known or is_required,
            is_decided=mock or any(mark.kind == "policy_resolver" for mark in marks),
        )
    findings += add_weights(schema, {n: m for n, m in cost_names(document).items() if n not in own})
    threads = ThreadPoolExecutor(config.server.resolver_threads, "resolver")
    if config.incremental.enabled:
        add_directives(schema)
    check_scalar_names(config, schema)
    check_view_names(config)
    findings += unnamed_tags(document, view_names(document))
    findings += check_views(schema, config.views, view_names(document))
    if mock:
        mock_schema(schema, config.graph.scalars)
        fix(schema)
        views = views_of(schema, config.views, view_names(document))
        return Graph(schema, BoundConnectors(), marks, findings, threads, views=views)
    findings += bind_resolvers(schema, marks, threads, config.graph.scalars)
    if is_served or marks:
        findings += unbound_directives(document, marks) + unresolved_types(schema, marks)
    bound, found = _connect(
        config, schema, document, marks, env, base, is_served=is_served, has_python=has_python
    )
    findings += found
    if bound is not None:
        findings += check_protected_reads(schema)
        findings += check_cache_hints(schema, bound.loaders)
    if not any(item.severity == "error" for item in findings):
        findings += bind_directives(schema, marks)
    fix(schema)
    views = views_of(schema, config.views, view_names(document))
    graph = Graph(schema, bound, marks, findings, threads, plugins, views)
    findings += check_hooks(marks, bound.base_urls if bound is not None else None)
    findings += check_sharing(graph, config)
    return graph


def is_anybody_known(config: Config, marks: Sequence[Mark]) -> bool:
    """Whether a client can show who it is: by a token, by a key, or to a hook."""
    settings = config.authentication
    is_hooked = any(mark.kind == "principal" for mark in marks)
    return bool(settings.jwt.jwks or settings.api_keys.is_used or is_hooked)


def check_sharing(graph: Graph, config: Config) -> list[Diagnostic]:
    """A warning for each function that switches sharing off, for operations and for streams."""
    is_used = config.traffic_shaping.router.dedupe.enabled or any(m.shared for m in graph.marks)
    return [
        replace(
            finding(
                mark,
                f"{mark.title} does not declare `vary=`, so no operation and no subscription is shared",
                "declare the headers that it reads; `vary=()` for none",
            ),
            code="NothingIsShared",
            severity="warning",
        )
        for mark in (graph.undeclared if is_used else ())
    ]


def _connect(
    config: Config,
    schema: GraphQLSchema,
    document: DocumentNode,
    marks: Sequence[Mark],
    env: Mapping[str, str],
    base: Path,
    *,
    is_served: bool,
    has_python: bool,
) -> tuple[BoundConnectors | None, list[Diagnostic]]:
    """Check the connectors and lay them on the schema; None where something is wrong."""
    resolved = {
        mark.name for mark in marks if mark.kind in ("resolver", "batch_resolver", "subscription")
    }
    # Mappings read members of JSON's own types: `os.environ` is no dict, and a TOML date is no string.
    variables, constants = dict(env), as_json(config.connectors.config)
    urls = {name: source.url for name, source in config.sources.items() if source.url}
    known = Constants(variables, constants, config.flags.defaults, urls, is_served)
    found = check_connectors(schema, document, resolved=resolved, constants=known)
    directives = read_directives(document)
    check_source_names(config, {source.name for source in directives.sources})
    if any(item.severity == "error" for item in found):
        return None, found
    found += check_identity_headers(directives, config.headers)
    found += unused_sources(directives) if not has_python else []
    if any(item.severity == "error" for item in found):
        return None, found
    keys = config.authentication.api_keys
    bound = bind_connectors(
        schema,
        document,
        settings=replace(config.connectors, config=constants),
        sources=config.sources,
        env=variables,
        resolved=resolved,
        headers=config.headers,
        withheld=frozenset({folded(keys.header_name)} if keys.is_used else ()),
        read_by_hooks=partial(read_by_hooks, marks),
        falls_back=config.override.on_error == "from",
        salt=config.override.salt,
    )
    uses = read_overrides(document, directives).values()
    found += check_labels(uses, config.override, marks, is_served=is_served)
    add_flags(schema, (name for mark in marks if mark.vary for name in mark.vary.flags))
    return bound, found + check_flags(config, schema, uses, base)


def as_json(value: Any) -> Any:
    """A value of TOML in JSON's types: dates and times as their text."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value
