"""Whether `@cacheControl` and `@cacheTag` say something, and to somebody: a hint without an effect looks like one with.

It looks at what binding has made, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

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
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_input_object_type,
    print_ast,
)

from gateway.connectors.caching.call_caching import CallCaching
from gateway.connectors.caching.hints import CACHE_CONTROL, CACHE_TAG, arguments_of, uses_of
from gateway.connectors.caching.tag_format import parse_tag_format
from gateway.connectors.loaders import ConnectorLoader
from gateway.errors import Diagnostic
from gateway.graph.sdl import place_of

MOST_S = 2**31 - 1
SCOPES = ("PUBLIC", "PRIVATE")


def check_cache_hints(
    schema: GraphQLSchema, loaders: Iterable[ConnectorLoader]
) -> list[Diagnostic]:
    """An error for each hint that cannot be read, a warning for each that no stored answer has."""
    found = list(_defaults(schema))
    known = {(loader.coordinate, c.name): c for loader in loaders if (c := loader.call.caching)}
    seen = {coordinate for caching in known.values() for coordinate in caching.answers.seen}
    for coordinate, item in _items(schema):
        for use in uses_of(item):
            wrong = _wrong(use) or _unknown(schema, use, coordinate, item)
            if wrong is not None:
                found.append(_finding(use, "InvalidArgument", wrong, "error"))
            elif coordinate not in seen:
                message = (
                    f"@{use.name.value} on {coordinate} has no effect: no answer with it is kept"
                )
                hint = "switch `cache.enabled` on for a source whose connector gives it"
                found.append(_finding(use, "UnusedCacheHint", message, "warning", hint))
            elif use.name.value == CACHE_TAG:
                found += _unset(schema, use, coordinate, known)
            elif set(arguments_of(use)) == {"inheritMaxAge"}:
                message = f"inheritMaxAge on {coordinate} has no effect: what says no maxAge is as fresh as what holds it"
                found.append(_finding(use, "UnusedCacheHint", message, "warning"))
    return found


def _defaults(schema: GraphQLSchema) -> Iterator[Diagnostic]:
    """An error for each default of a definition of the schema's own: hints are what stands at their uses."""
    for name in (CACHE_CONTROL, CACHE_TAG):
        own = schema.get_directive(name)
        for argument, given in own.args.items() if own is not None else ():
            node = given.ast_node
            if node is not None and node.default_value is not None:
                message = f"@{name} has no default of {argument}: say it where it holds"
                file, line, column = place_of(node)
                yield Diagnostic(message, "InvalidArgument", file, line, column)


def _items(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLField | GraphQLNamedType]]:
    for name, type_ in schema.type_map.items():
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType):
            yield name, type_
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in type_.fields.items():
                yield f"{name}.{field_name}", field


def _wrong(use: DirectiveNode) -> str | None:
    """What of a use cannot be meant. The schema may define the directive itself, with other types of arguments."""
    given = {n: v for n, v in arguments_of(use).items() if not isinstance(v, NullValueNode)}
    if use.name.value == CACHE_TAG:
        text = given.get("format")
        if not isinstance(text, StringValueNode):
            return "format: it is a text"
        try:
            parse_tag_format(text.value)
        except ValueError as exc:
            return f"format: {exc}"
        return None
    seconds, scope = given.get("maxAge"), given.get("scope")
    if seconds is not None:
        if not isinstance(seconds, IntValueNode) or len(seconds.value) > 10:
            return (
                f"maxAge: seconds are a whole number of at most {MOST_S}, not {print_ast(seconds)}"
            )
        if not 0 <= int(seconds.value) <= MOST_S:
            return f"maxAge: seconds are not negative, and at most {MOST_S}"
        if "inheritMaxAge" in given:
            return "maxAge and inheritMaxAge: one of them holds"
    if scope is not None and not (isinstance(scope, EnumValueNode) and scope.value in SCOPES):
        return f"scope: {print_ast(scope)} is neither {' nor '.join(SCOPES)}"
    return None


def _unknown(
    schema: GraphQLSchema,
    use: DirectiveNode,
    coordinate: str,
    item: GraphQLField | GraphQLNamedType,
) -> str | None:
    """What a tag is made of that is nowhere in the schema: it would never be a tag, and no purge would meet."""
    if use.name.value != CACHE_TAG:
        return None
    text = arguments_of(use)["format"]
    assert isinstance(text, StringValueNode)
    form = parse_tag_format(text.value)
    for path in form.paths("key"):
        kind = get_named_type(item.type) if isinstance(item, GraphQLField) else item
        if not _is_known(schema, kind, path):
            return f"format: {kind.name} has no {'.'.join(path)}"
    if not isinstance(item, GraphQLField):
        return None  # whose arguments and parents they are differs from connector to connector
    owner = schema.type_map[coordinate.partition(".")[0]]
    for path in form.paths("this"):
        if not _is_known(schema, owner, path):
            return f"format: {owner.name} has no {'.'.join(path)}"
    for name, *rest in form.paths("args"):
        if name not in item.args or not _is_known(
            schema, get_named_type(item.args[name].type), rest
        ):
            return f"format: {coordinate} has no argument {'.'.join((name, *rest))}"
    return None


def _is_known(schema: GraphQLSchema, kind: Any, path: Sequence[str]) -> bool:
    """Whether objects of a type may have something at a path. What is no object may be any JSON."""
    if not path or not (is_composite_type(kind) or is_input_object_type(kind)):
        return True
    name, *rest = path
    possible = schema.get_possible_types(kind) if is_abstract_type(kind) else ()
    fields = [f for type_ in (kind, *possible) if (f := getattr(type_, "fields", {}).get(name))]
    return any(_is_known(schema, get_named_type(found.type), rest) for found in fields)


def _unset(
    schema: GraphQLSchema,
    use: DirectiveNode,
    coordinate: str,
    known: Mapping[tuple[str, str], CallCaching],
) -> Iterator[Diagnostic]:
    """A warning for each connector whose answers, or whose field, lack what the tag is made of."""
    text = arguments_of(use)["format"]
    assert isinstance(text, StringValueNode)
    form = parse_tag_format(text.value)
    for (at, _), caching in known.items():
        answers = caching.answers
        lacking = [
            (f"its selection has no {name}", f"add {name} to the selection")
            for name in answers.lacking(coordinate, text.value)
        ]
        if coordinate in answers.seen and "." in at:
            owner, _, name = at.partition(".")
            arguments = schema.type_map[owner].fields[name].args  # type: ignore[attr-defined]
            lacking += [
                (f"{at} has no argument {path[0]}", "say it by what the object has, {$key.NAME}")
                for path in form.paths("args")
                if path[0] not in arguments
            ]
        for why, hint in lacking:
            message = f'"{text.value}" is no tag of what {caching.name} gives: {why}'
            yield _finding(use, "UnusedCacheHint", message, "warning", hint)


def _finding(
    use: DirectiveNode, code: str, message: str, severity: str, hint: str | None = None
) -> Diagnostic:
    file, line, column = place_of(use)
    return Diagnostic(message, code, file, line, column, hint, severity)
