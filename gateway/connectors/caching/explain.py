"""What is kept of a connector's answers, for people: by which key, for how long, for whom, or why not; with places.

It looks at what binding has made, asks nobody and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from graphql import GraphQLSchema

from gateway.connectors.batch_loader import BatchLoader
from gateway.connectors.caching.hints import CACHE_CONTROL, uses_of
from gateway.connectors.loaders import ConnectorLoader
from gateway.graph.sdl import place_of
from gateway.upstream.settings import SourceSettings


def explain_caching(
    schema: GraphQLSchema, loader: ConnectorLoader, settings: SourceSettings, unshared: str | None
) -> list[str]:
    """The lines for one connector of a plan.

    Args:
        schema: The whole.
        loader: Of the connector.
        settings: Of its source.
        unshared: Why the source's calls are one client's own; None where they are not.
    """
    builder = loader.call.builder
    file, line, _ = place_of(builder.connect.node)
    title = f"{loader.coordinate}: {builder.endpoint}"
    title += f" of {loader.source}" if loader.source else ""
    lines = [f"{title}  ({file}:{line})" if file else title]
    why = _why_not(loader, settings, unshared)
    if why is not None:
        lines.append(f"  not kept: {why}")
        caching = loader.call.caching
        if caching is not None and caching.is_write and (said := caching.describe()):
            lines.append(f"  {said}, of every source")
        return lines
    return [*lines, *(f"  {text}" for text in _kept(schema, loader, settings))]


def _why_not(loader: ConnectorLoader, settings: SourceSettings, unshared: str | None) -> str | None:
    call = loader.call
    source = f"sources.{loader.source}" if loader.source else 'sources.""'
    if unshared is not None:
        return unshared
    if not call.is_read:
        return "it is a mutation"
    if not settings.cache.enabled:
        return f"{source}.cache.enabled is false"
    if not call.may_repeat:
        method = call.builder.connect.method
        return f"{method} is no read; {source}.post_is_safe says that a POST is one"
    if call.merges:
        return f"{source}.merge_batches lets its batches go with those of others"
    return None


def _kept(
    schema: GraphQLSchema, loader: ConnectorLoader, settings: SourceSettings
) -> Iterator[str]:
    call, rules = loader.call, settings.cache
    caching = call.caching
    assert caching is not None
    is_rows = isinstance(loader, BatchLoader) and loader.cached_rows is not None
    if isinstance(loader, BatchLoader) and loader.cached_rows is not None:
        yield f"kept: row by row, by {loader.cached_rows.key.single}"
    else:
        yield "kept: the whole answer, whatever is selected of it"
    of_client = "all of its headers" if call.vary is None else ", ".join(call.vary.names())
    parts = "arguments, key" if is_rows else "method, URL, body, every header as it is sent"
    yield f"key: {parts}; of the client: {of_client or 'nothing'}"
    yield f"fresh: {', '.join(_fresh(schema, loader, settings))}"
    if caching.answers.is_private:
        where = _place(schema, caching.answers.because["scope"])
        yield f"scope: private, by {caching.private_member} of the principal{where}"
    elif caching.private_member is not None:
        yield f"scope: public; what says private, by {caching.private_member} of the principal"
    elif rules.trust_vary:
        yield "scope: whoever sends the same URL, and what the answer's Vary names (trust_vary)"
    else:
        yield "scope: whoever sends the same; where the answer says public, what its Vary names"
    if rules.ignored_cookies:
        name = f"sources.{loader.source}.cache.ignored_cookies"
        yield f"cookies: what sets {', '.join(rules.ignored_cookies)} alone is kept without ({name})"
    tags = [f"source {loader.source}", *(f"type {name}" for name in caching.answers.types)]
    if caching.key is not None:
        tags.append(f"key {caching.key[0]} {{{', '.join(caching.key[2])}}}")
    forms = [*caching.tags, *(f for rows in caching.answers.of_rows.values() for _, f in rows)]
    tags += dict.fromkeys(form.text for form in forms)
    yield f"tags: {', '.join(tags)}, and those of the backend"


def _fresh(
    schema: GraphQLSchema, loader: ConnectorLoader, settings: SourceSettings
) -> Iterator[str]:
    rules, caching = settings.cache, loader.call.caching
    assert caching is not None
    most = caching.answers.max_age_s
    name = f"sources.{loader.source}.cache"
    if rules.override:
        yield f"whatever the backend says ({name}.override)"
    else:
        yield "as the backend's headers say"
    if most is not None:
        where = _place(schema, caching.answers.because["max_age"])
        yield f"{'' if rules.override else 'at most '}{most} s{where}"
    elif rules.ttl_s is not None:
        yield f"{rules.ttl_s:g} s ({name}.ttl_s)"
    if rules.stale_while_revalidate_s:
        yield f"{rules.stale_while_revalidate_s:g} s more while it is refreshed"
    if rules.stale_if_error_s:
        yield f"{rules.stale_if_error_s:g} s more if the source fails"
    if rules.negative_ttl_s:
        yield f"{rules.negative_ttl_s:g} s where there is nothing"


def _place(schema: GraphQLSchema, coordinate: str) -> str:
    """Where a coordinate's `@cacheControl` stands."""
    type_name, _, field_name = coordinate.partition(".")
    item = schema.type_map[type_name]
    found = getattr(item, "fields", {}).get(field_name) if field_name else item
    for use in uses_of(found) if found is not None else ():
        if use.name.value == CACHE_CONTROL:
            file, line, _ = place_of(use)
            return f" ({coordinate}, {file}:{line})" if file else f" ({coordinate})"
    return f" ({coordinate})"
