"""Whether `@cacheControl` and `@cacheTag` say something, and to somebody: a hint without an effect looks like one with.

It looks at what binding has made, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from graphql import (
    DirectiveNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    IntValueNode,
    StringValueNode,
)

from gateway.connectors.caching.call_caching import CallCaching
from gateway.connectors.caching.hints import CACHE_TAG, arguments_of, uses_of
from gateway.connectors.caching.tag_format import parse_tag_format
from gateway.connectors.loaders import ConnectorLoader
from gateway.errors import Diagnostic
from gateway.graph.sdl import place_of


def check_cache_hints(
    schema: GraphQLSchema, loaders: Iterable[ConnectorLoader]
) -> list[Diagnostic]:
    """An error for each hint that cannot be read, a warning for each that no stored answer has."""
    found = []
    known = [loader.call.caching for loader in loaders if loader.call.caching is not None]
    seen = {coordinate for caching in known for coordinate in caching.answers.seen}
    for coordinate, item in _items(schema):
        for use in uses_of(item):
            wrong = _wrong(use)
            if wrong is not None:
                found.append(_finding(use, "InvalidArgument", wrong, "error"))
            elif coordinate not in seen:
                message = (
                    f"@{use.name.value} on {coordinate} has no effect: no answer with it is kept"
                )
                hint = "switch `cache.enabled` on for a source whose connector gives it"
                found.append(_finding(use, "UnusedCacheHint", message, "warning", hint))
            elif use.name.value == CACHE_TAG:
                found += _unset(use, coordinate, known)
    return found


def _items(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLField | GraphQLNamedType]]:
    for name, type_ in schema.type_map.items():
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType):
            yield name, type_
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in type_.fields.items():
                yield f"{name}.{field_name}", field


def _wrong(use: DirectiveNode) -> str | None:
    given = arguments_of(use)
    seconds, text = given.get("maxAge"), given.get("format")
    if isinstance(seconds, IntValueNode) and int(seconds.value) < 0:
        return "maxAge: seconds are not negative"
    if isinstance(text, StringValueNode):
        try:
            parse_tag_format(text.value)
        except ValueError as exc:
            return f"format: {exc}"
    return None


def _unset(
    use: DirectiveNode, coordinate: str, known: Iterable[CallCaching]
) -> Iterator[Diagnostic]:
    """A warning for each connector whose answers lack what the tag is made of."""
    text = arguments_of(use)["format"]
    assert isinstance(text, StringValueNode)
    for caching in known:
        for field_name in caching.answers.lacking(coordinate, text.value):
            message = f'"{text.value}" is no tag of what {caching.name} gives: its selection has no {field_name}'
            hint = f"add {field_name} to the selection"
            yield _finding(use, "UnusedCacheHint", message, "warning", hint)


def _finding(
    use: DirectiveNode, code: str, message: str, severity: str, hint: str | None = None
) -> Diagnostic:
    file, line, column = place_of(use)
    return Diagnostic(message, code, file, line, column, hint, severity)
