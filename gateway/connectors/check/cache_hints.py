"""Whether `@cacheControl` and `@cacheTag` say something, and to somebody: a hint without an effect looks like one with.

It looks at what binding has made, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from graphql import (
    DirectiveNode,
    EnumValueNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    IntValueNode,
    NullValueNode,
    StringValueNode,
    print_ast,
)

from gateway.connectors.caching.call_caching import CallCaching
from gateway.connectors.caching.hints import CACHE_TAG, arguments_of, uses_of
from gateway.connectors.caching.tag_format import parse_tag_format
from gateway.connectors.loaders import ConnectorLoader
from gateway.errors import Diagnostic
from gateway.graph.sdl import place_of
from gateway.upstream.cache.directives import MOST_S

SCOPES = ("PUBLIC", "PRIVATE")


def check_cache_hints(
    schema: GraphQLSchema, loaders: Iterable[ConnectorLoader]
) -> list[Diagnostic]:
    """An error for each hint that cannot be read, a warning for each that no stored answer has."""
    found = []
    known = [loader.call.caching for loader in loaders if loader.call.caching is not None]
    seen = {coordinate for caching in known for coordinate in caching.answers.seen}
    for coordinate, item in _items(schema):
        for use in uses_of(item):
            owner = schema.type_map.get(coordinate.partition(".")[0])
            wrong = _wrong(use, owner, item)
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


def _wrong(
    use: DirectiveNode, owner: GraphQLNamedType | None, item: GraphQLField | GraphQLNamedType
) -> str | None:
    given = arguments_of(use)
    for name, value in given.items():
        if isinstance(value, NullValueNode):
            continue
        if name == "maxAge":
            if not isinstance(value, IntValueNode):
                return f"maxAge: seconds are a whole number, not {print_ast(value)}"
            if not 0 <= int(value.value) <= MOST_S:
                return f"maxAge: seconds are not negative, and at most {MOST_S}"
        if name == "scope" and (not isinstance(value, EnumValueNode) or value.value not in SCOPES):
            return f"scope: {print_ast(value)} is neither {' nor '.join(SCOPES)}"
    if use.name.value == CACHE_TAG:
        text = given.get("format")
        if not isinstance(text, StringValueNode):
            return "format: it is a text"
        return _wrong_format(text.value, owner, item)
    return None


def _wrong_format(
    text: str, owner: GraphQLNamedType | None, item: GraphQLField | GraphQLNamedType
) -> str | None:
    try:
        form = parse_tag_format(text)
    except ValueError as exc:
        return f"format: {exc}"
    if not isinstance(item, GraphQLField):
        return None
    for path in form.paths("args"):
        if path[0] not in item.args:
            return f"format: the field has no argument {path[0]}"
    for path in form.paths("this"):
        if path[0] not in getattr(owner, "fields", {}):
            return f"format: {owner} has no field {path[0]}"
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
