"""What has to hold of versions and names before a graph is built."""

from __future__ import annotations

from collections.abc import Collection

import graphql
from graphql import GraphQLScalarType, GraphQLSchema

from gateway.app.config import Config
from gateway.app.sources import unshared_sources
from gateway.errors import ConfigError
from gateway.quotas.settings import DEFAULT
from gateway.settings.extras import check_installed

NEEDED_GRAPHQL_CORE = (3, 3, 2)


def check_graphql_core(version: tuple[int, ...] = tuple(graphql.version_info[:3])) -> None:
    """Errors: ConfigError below 3.3.2, whose validation a small document can keep busy for seconds.

    The drop-in library runs on 3.2.14 too; a service that strangers reach does not.
    Source: CVE-2026-75507, CVE-2026-75508 and the release notes of 3.3.2.
    """
    if version < NEEDED_GRAPHQL_CORE:
        installed, needed = (".".join(map(str, v)) for v in (version, NEEDED_GRAPHQL_CORE))
        raise ConfigError(
            f"graphql-core {installed} is installed, and the gateway needs {needed} or later",
            hint=f"pip install 'graphql-core>={needed}'",
        )


def check_source_names(config: Config, declared: set[str]) -> None:
    """Errors: ConfigError for a table of a source that no schema declares, or that cannot have an effect."""
    tables: dict[str, Collection[str]] = {
        "sources": config.sources,
        "headers.sources": config.headers.sources,
        "cost.sources": config.cost.sources,
    }
    for table, names in tables.items():
        for name in names:
            if name not in declared:
                known = ", ".join(sorted(declared)) or "none"
                raise ConfigError(
                    "no @source has this name", key=f"{table}.{name}", hint=f"declared: {known}"
                )
    for name, settings in config.sources.items():
        if settings.transport == "http2":
            key, needed_by = f"sources.{name}.transport", 'transport = "http2"'
            check_installed("h2", extra="http2", needed_by=needed_by, key=key)
    for source, reason in unshared_sources(config, declared).items():
        if source in config.sources and config.sources[source].cache.enabled:
            raise ConfigError(
                f"nothing of this source is kept: {reason}",
                key=f"sources.{source}.cache.enabled",
                hint="switch one of the two off",
            )


def check_view_names(config: Config) -> None:
    """Errors: ConfigError for a view that is given to somebody, and not configured."""
    defaults = config.authorization.default_views
    given = {f"clients.{name}.view": one.view for name, one in config.clients.items()}
    for kind in ("anonymous", "user", "client"):
        given[f"authorization.default_views.{kind}"] = getattr(defaults, kind)
    for key, view in given.items():
        if view is not None and view not in config.views:
            known = ", ".join(sorted(config.views)) or "none"
            raise ConfigError("no view has this name", key=key, hint=f"configured: {known}")


def check_quotas(config: Config) -> None:
    """Errors: ConfigError for quotas of nothing, or of what is not counted, and for a client's unknown policy."""
    default = config.quotas.policies.get(DEFAULT)
    if default is not None and not default.windows:
        raise ConfigError(
            "the policy has no windows, and limits nobody",
            key=f"quotas.policies.{DEFAULT}.windows",
            hint="give it one, or leave the policy out",
        )
    if config.quotas.counts_cost and config.cost.mode == "off":
        raise ConfigError(
            "a quota is of cost, and cost is not counted",
            key="quotas.policies",
            hint='set cost.mode = "measure" or "enforce"',
        )
    for name, client in config.clients.items():
        if client.quota is not None and client.quota not in config.quotas.policies:
            known = ", ".join(sorted(config.quotas.policies)) or "none"
            hint = f"configured: {known}"
            raise ConfigError("no policy has this name", key=f"clients.{name}.quota", hint=hint)


def check_scalar_names(config: Config, schema: GraphQLSchema) -> None:
    """Errors: ConfigError for a scalar of `[graph.scalars]` that the schema does not declare."""
    for name in config.graph.scalars:
        if not isinstance(schema.type_map.get(name), GraphQLScalarType):
            raise ConfigError("the schema declares no such scalar", key=f"graph.scalars.{name}")
