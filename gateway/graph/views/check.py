"""What is wrong with a view: what a client would be asked for that it cannot know, or could not use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLSchema,
    StringValueNode,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
    validate_schema,
)

from gateway.errors import Diagnostic
from gateway.graph.directive_uses import uses_in
from gateway.graph.sdl import diagnose, place_of
from gateway.graph.views.defaults import is_shown
from gateway.graph.views.filtered import filtered_schema
from gateway.graph.views.parts import Composite, ViewParts, nodes_of, of_type, own_types
from gateway.graph.views.settings import ViewSettings

INVALID_VIEW = "InvalidView"


def check_views(
    schema: GraphQLSchema, views: Mapping[str, ViewSettings], names: Mapping[str, str]
) -> list[Diagnostic]:
    """What is wrong with the views of a schema, each at its place; `names` as of `view_names`."""
    found: list[Diagnostic] = []
    for name, settings in views.items():
        parts = ViewParts(schema, settings, names)
        found += _of_tags(parts, name, settings)
        found += list(_findings(parts, name)) or _invalid(parts, name)
    return found


def unnamed_tags(document: DocumentNode, names: Mapping[str, str]) -> list[Diagnostic]:
    """A warning for each `@tag` with a blank name, which no view can choose; `names` as of `view_names`."""
    tags = {name for name, meant in names.items() if meant == "tag"}
    return [
        Diagnostic(
            "a tag without a name chooses nothing",
            "UnknownTag",
            *place_of(argument.value),
            "name it, or remove it",
            "warning",
        )
        for definition in document.definitions
        for use in uses_in(definition)
        if use.name.value in tags
        for argument in use.arguments or ()
        if isinstance(argument.value, StringValueNode) and not argument.value.value.strip()
    ]


def _of_tags(parts: ViewParts, name: str, settings: ViewSettings) -> Iterator[Diagnostic]:
    """A warning for each tag that stands nowhere: it may be a slip, and what it was to hide is shown."""
    for tag in (*settings.include_tags, *settings.exclude_tags):
        if tag not in parts.tags:
            text = f"the view {name}: nothing has the tag {tag!r}"
            yield Diagnostic(text, "UnknownTag", severity="warning")


def _findings(parts: ViewParts, view: str) -> Iterator[Diagnostic]:
    schema = parts.schema
    if not parts.has_type(schema.query_type):
        node = schema.query_type.ast_node if schema.query_type else None
        yield _found(node, f"the view {view} has no field of the query type", "tag one of them")
        return
    for type_ in own_types(schema):
        if not parts.shows_type(type_):
            continue
        members = parts.members.get(type_.name, {})
        if isinstance(type_, Composite):
            for name, field in members.items():
                where = f"{type_.name}.{name}"
                yield from _of_use(parts, view, where, field)
                left = parts.arguments[type_.name, name]
                yield from _of_arguments(parts, view, where, field.args, left)
        elif hasattr(type_, "fields"):
            for name, field in type_.fields.items():
                where = f"{type_.name}.{name}"
                if name in members:
                    yield from _of_member(parts, view, where, field)
                elif is_required_input_field(field):
                    yield _hidden(view, f"the required input field {where}", field)
    for directive in schema.directives:
        left = parts.arguments[f"@{directive.name}", ""]
        yield from _of_arguments(parts, view, f"@{directive.name}", directive.args, left)


def _of_arguments(
    parts: ViewParts, view: str, where: str, whole: Mapping[str, Any], left: Mapping[str, Any]
) -> Iterator[Diagnostic]:
    for name, argument in whole.items():
        if name in left:
            yield from _of_member(parts, view, f"{where}({name}:)", argument)
        elif is_required_argument(argument):
            yield _hidden(view, f"the required argument {where}({name}:)", argument)


def _of_member(parts: ViewParts, view: str, where: str, member: Any) -> Iterator[Diagnostic]:
    """What is wrong with an argument or input field that is shown."""
    yield from _of_use(parts, view, where, member)
    if is_non_null_type(member.type) and not is_shown(parts, member):
        yield _found(
            member.ast_node,
            f"the view {view} hides what the default of {where} names",
            "let its type be nullable, take another default, or show what it names",
        )


def _of_use(parts: ViewParts, view: str, where: str, member: Any) -> Iterator[Diagnostic]:
    """What is wrong where the type of what is shown has nothing to show."""
    type_ = of_type(member)
    if not parts.has_type(type_):
        node = next((node for node in nodes_of(type_) if node is not None), None)
        yield _found(
            member.ast_node or node,
            f"the view {view} has {where}, and nothing of its type {type_.name}",
            f"show something of {type_.name}, or leave {where} out",
        )


def _invalid(parts: ViewParts, view: str) -> list[Diagnostic]:
    """What the specification asks of a schema, and the view's has not."""
    schema = filtered_schema(parts)
    schema._validation_errors = None  # it was made without a look
    return [
        Diagnostic(f"the view {view}: {one.message}", INVALID_VIEW, one.file, one.line, one.column)
        for one in map(diagnose, validate_schema(schema))
    ]


def _hidden(view: str, what: str, member: Any) -> Diagnostic:
    hint = "show it, let its type be nullable, or give it a default"
    return _found(member.ast_node, f"the view {view} hides {what}", hint)


def _found(node: Any, message: str, hint: str) -> Diagnostic:
    return Diagnostic(message, INVALID_VIEW, *place_of(node), hint=hint)
