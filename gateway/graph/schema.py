"""The schema's document to an executable schema, without the bindings that only the gateway reads.

It builds and validates; it neither reads files nor binds resolvers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLDirective,
    GraphQLError,
    GraphQLSchema,
    NamedTypeNode,
    Node,
    build_ast_schema,
    introspection_types,
    specified_directives,
    specified_scalar_types,
    validate_schema,
)
from graphql.language import (
    DirectiveDefinitionNode,
    ParallelVisitor,
    TypeDefinitionNode,
    TypeSystemDefinitionNode,
    TypeSystemExtensionNode,
    visit,
)
from graphql.validation import SDLValidationContext
from graphql.validation.specified_rules import specified_sdl_rules

from gateway.errors import ConfigError, Diagnostic
from gateway.graph.accepted import is_of_2025
from gateway.graph.builtin import (
    authorization_names,
    built_in_definitions,
    connect_link,
    connector_names,
)
from gateway.graph.directive_uses import wrong_values
from gateway.graph.sdl import diagnose, keys_without, place_of
from gateway.settings.suggestions import nearest_name

FIXED = "gateway.fixed"
DIRECTIVES = "gateway.directives"
_LOOKED_AT = keys_without("name", "description")  # which no rule visits
_BESIDE_TYPES = keys_without("name", "description", "type")
_OF_DIRECTIVES = ("Unknown directive '@", "Directive '@", "Unknown argument '")


def find_directive(schema: GraphQLSchema, name: str) -> GraphQLDirective | None:
    """A directive that the SDL may use, those included that clients do not see."""
    return sdl_directives(schema).get(name) or schema.get_directive(name)


def sdl_directives(schema: GraphQLSchema) -> dict[str, GraphQLDirective]:
    """The directives that the SDL may use, by their names."""
    known: dict[str, GraphQLDirective] = schema.extensions.get(DIRECTIVES, {})
    return known


def build_schema(
    document: DocumentNode, *, strict_deprecation: bool = False, any_directive: bool = False
) -> tuple[GraphQLSchema | None, list[Diagnostic]]:
    """Build the schema that is executed and that clients see.

    Args:
        document: From `load_sdl`.
        strict_deprecation: Refuse what the specification forbids since 2025; else it is a warning.
        any_directive: Leave directives alone that nobody declares: for a schema that only has to look right.

    Shape: None beside at least one error; else the schema, whose types keep their AST (`ast_node`),
        with the directives that bind fields still on them, but without these directives' definitions;
        and warnings.
    """
    declared = _declared(document)
    built_in = [
        definition
        for definition in built_in_definitions(document)
        if _name_of(definition) not in declared
    ]
    whole = DocumentNode(definitions=(*document.definitions, *built_in))
    errors = _sdl_errors(whole)
    if any_directive:
        errors = [error for error in errors if not error.message.startswith(_OF_DIRECTIVES)]
    if not errors:
        try:
            schema = build_ast_schema(whole, assume_valid_sdl=True)
        except (GraphQLError, TypeError) as exc:
            return None, [_explained(diagnose(_graphql_error(exc)), document)]
        errors = validate_schema(schema)
        if not (errors or any_directive):
            own_checks = {*connector_names(document).values(), *authorization_names(document)}
            errors = wrong_values(schema, document, own_checks)
    found = [_explained(diagnose(error), document) for error in errors]
    if not strict_deprecation:
        found = [_as_warning(item) if is_of_2025(item.message) else item for item in found]
    if any(item.severity == "error" for item in found):
        return None, found
    return _without(schema, {_name_of(definition) for definition in built_in}), found


def _sdl_errors(document: DocumentNode) -> list[GraphQLError]:
    """What graphql-core's rules say of an SDL document: its `validate_sdl`, which visits every name."""
    errors: list[GraphQLError] = []
    context = SDLValidationContext(document, None, errors.append)
    rules = ParallelVisitor([rule(context) for rule in specified_sdl_rules])
    visit(document, rules, _BESIDE_TYPES if _has_known_types(document) else _LOOKED_AT)
    return errors


def _has_known_types(document: DocumentNode) -> bool:
    """Whether every field and argument is of a type that there is: then no rule has to look at their types."""
    known = {*_declared(document), *specified_scalar_types, *introspection_types}
    for definition in document.definitions:
        if not isinstance(definition, TypeSystemDefinitionNode | TypeSystemExtensionNode):
            return False
        for member in _typed(definition, "fields", "arguments", "operation_types"):
            for typed in (member, *_typed(member, "arguments")):
                named = typed.type
                while not isinstance(named, NamedTypeNode):
                    named = named.type
                if named.name.value not in known:
                    return False
    return True


def _typed(node: Node, *keys: str) -> Iterator[Any]:
    """The parts of a definition that have a type."""
    for key in keys:
        yield from getattr(node, key, None) or ()


def _graphql_error(exc: BaseException) -> GraphQLError:
    """What graphql-core raised, or what it made an error without a place of."""
    inner: BaseException | None = exc
    while inner is not None:
        if isinstance(inner, GraphQLError):
            return inner
        inner = inner.__cause__ or inner.__context__
    return GraphQLError(str(exc))


def _as_warning(finding: Diagnostic) -> Diagnostic:
    hint = "the specification forbids it since 2025; graph.strict_deprecation makes it an error"
    return replace(finding, code="DeprecatedImplementation", hint=hint, severity="warning")


def _explained(finding: Diagnostic, document: DocumentNode) -> Diagnostic:
    """What graphql-core says, with what it does not say: where, or what to do."""
    if finding.message == "Query root type must be provided.":
        file, line, column = place_of(next(iter(document.definitions), None))
        hint = "add `type Query { … }`; if another file holds it, give both"
        return replace(finding, code="Schema", file=file, line=line, column=column, hint=hint)
    if (
        finding.line is None
    ):  # it is about a definition of the gateway's own, which the link asks for
        node = connect_link(document) or next(iter(document.definitions), None)
        file, line, column = place_of(node)
        finding = replace(finding, code="Schema", file=file, line=line, column=column)
    for directive, name in connector_names(document).items():
        if name != directive and finding.message == f"Unknown directive '@{directive}'.":
            hint = f'add "@{directive}" to the `import` of the @link, or write @{name}'
            code = "NoSourceImport" if directive == "source" else ""
            return replace(finding, code=code, hint=hint)
    unknown = re.fullmatch(r"Unknown directive '@(\w+)'\.", finding.message)
    if unknown is not None:
        known = {*connector_names(document).values(), *_declared_directives(document)}
        close = nearest_name(unknown[1], known)
        finding = replace(finding, hint=f"did you mean @{close}?" if close else None)
    return finding if finding.code else replace(finding, code="Schema")


def _declared_directives(document: DocumentNode) -> set[str]:
    declared = {
        definition.name.value
        for definition in document.definitions
        if isinstance(definition, DirectiveDefinitionNode)
    }
    return declared | {directive.name for directive in specified_directives}


def require_schema(document: DocumentNode) -> GraphQLSchema:
    """As `build_schema`. Errors: ConfigError with the first diagnostic."""
    schema, found = build_schema(document)
    if schema is None:
        first = found[0]
        raise ConfigError(first.message, file=first.file, line=first.line, column=first.column)
    return schema


def _declared(document: DocumentNode) -> set[str]:
    return {
        _name_of(definition)
        for definition in document.definitions
        if isinstance(definition, TypeDefinitionNode | DirectiveDefinitionNode)
    }


def _name_of(definition: object) -> str:
    name: str = definition.name.value  # type: ignore[attr-defined]
    return f"@{name}" if isinstance(definition, DirectiveDefinitionNode) else name


def _without(schema: GraphQLSchema, built_in: set[str]) -> GraphQLSchema:
    """The same schema without the definitions that only bindings use.

    What the clients' own part of the schema mentions stays: a type is only left out where nothing but
    a left-out directive refers to it.
    """
    kwargs = schema.to_kwargs()
    kwargs["directives"] = tuple(d for d in schema.directives if f"@{d.name}" not in built_in)
    kwargs["types"] = tuple(t for name, t in schema.type_map.items() if name not in built_in)
    kwargs["extensions"] = {DIRECTIVES: {d.name: d for d in schema.directives}}
    kwargs["assume_valid"] = True
    return GraphQLSchema(**kwargs)


def fix(schema: GraphQLSchema) -> None:
    """Say that nobody changes a schema any more: its plans do not look whether somebody did."""
    schema.extensions[FIXED] = True


def is_fixed(schema: GraphQLSchema) -> bool:
    """Whether `fix` was called."""
    return FIXED in schema.extensions
