"""Whether equal operations in flight are one, in a line for people. It decides nothing: `dedupe` does."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from types import CodeType

from gateway.client.vary import PRINCIPAL, Vary, joined
from gateway.execute.prepared import Prepared
from gateway.graph.resolvers import FieldResolver, vary_of
from gateway.pipeline.settings import DedupeSettings
from gateway.pipeline.shared_plan import sources_of
from gateway.plan.nodes import Kind
from gateway.runtime.request import Variables


def explain_sharing(
    prepared: Prepared,
    variables: Variables,
    settings: DedupeSettings,
    undeclared: Collection[str],
    ambient: Vary | None,
    unshared_sources: Mapping[str | None, str] | None = None,
    places: Mapping[str, str] | None = None,
    undeclared_hooks: Mapping[str, Collection[str]] | None = None,
) -> str:
    """Whether equal operations in flight are one, in a line for people: by what, or why not.

    Args:
        prepared, variables: The operation.
        settings, ambient, unshared_sources: As of `Sharing`.
        undeclared: What runs beside resolvers and declares nothing, each with its place.
        places: By coordinate, where the function of a field stands.
        undeclared_hooks: By source, hooks that declare nothing, each with its place.
    """
    if prepared.operation_type != "query" or prepared.reason:
        return f"not shared: {prepared.reason or f'it is a {prepared.operation_type}'}"
    bound = prepared.bound_plan(variables.coerced)
    if bound is None:
        return "not shared: it runs on graphql-core with these variables"
    sources = sources_of(bound)
    problem = ""
    if not settings.enabled or prepared.operation_name in settings.except_operations:
        problem = "traffic_shaping.router.dedupe says so"
    elif sources is None:
        problem = "it waits for nothing"
    elif off := sorted({why for name, why in (unshared_sources or {}).items() if name in sources}):
        problem = off[0]
    known, hooks = places or {}, undeclared_hooks or {}
    own = [
        name
        for field in bound.fields.values()
        if field.plan.kind not in (Kind.TYPENAME, Kind.INTROSPECTION)
        and not field.plan.denied
        and vary_of(field.definition.resolve) is None
        for name in (
            (hooks.get(field.loader.source or "") if field.loader is not None else None)
            or [_placed(field.coordinate, known)]
        )
    ]
    if not problem and (own or undeclared):
        problem = f"{', '.join([*dict.fromkeys(own), *undeclared])} may read anything of a client: declare vary="
    whole = joined((bound.vary, ambient))
    if problem or whole is None:
        return f"not shared: {problem}"
    read = whole.names()
    setting = [
        _placed(field.coordinate, known)
        for field in bound.fields.values()
        if not field.plan.denied and sets_headers(field.definition.resolve)
    ]
    setters = ", ".join(dict.fromkeys(setting))
    if setters:
        return f"not shared where {setters} sets a header of the answer; else by {_alike(read)}"
    if not read:
        return "shared by all clients"
    lacking = " or ".join(f"{PRINCIPAL}{path}" for path in sorted(whole.owners))
    but = f"; not by those without {lacking}, who are nobody" if lacking else ""
    return f"shared by {_alike(read)}{but}"


def sets_headers(resolve: object) -> bool:
    """Whether a field's function names `context.response`: by its code, so that nothing of it is run."""
    if not isinstance(resolve, FieldResolver):
        return False
    return _names_response(getattr(inspect.unwrap(resolve.function), "__code__", None))


def _names_response(code: object) -> bool:
    if not isinstance(code, CodeType):
        return False
    return "response" in code.co_names or any(map(_names_response, code.co_consts))


def _alike(read: Collection[str]) -> str:
    return f"clients with equal {', '.join(read)}" if read else "all clients"


def _placed(coordinate: str, places: Mapping[str, str]) -> str:
    place = places.get(coordinate)
    return coordinate if place is None else f"{coordinate} ({place})"
